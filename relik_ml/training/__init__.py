"""What recipes share: data, encoders, steps that can be resumed, the two stages, and how a recipe is started."""

from __future__ import annotations

from relik_ml.training.adapters import keep_adapters
from relik_ml.training.batches import shuffled_batches
from relik_ml.training.candidates import held_out_candidates
from relik_ml.training.card import Task
from relik_ml.training.checkpoint import Progress, restore_weights, trained
from relik_ml.training.contrast import Objective, Questions
from relik_ml.training.data import Data, EntityTable, read_data
from relik_ml.training.encoders import LowestLayers, apart, joint, untrained
from relik_ml.training.fusion import fit
from relik_ml.training.indexing import dense_recall, entry_vectors, given_index, refuse_other, save_retriever
from relik_ml.training.launch import INTERRUPTION, accelerated, recipe, stage_states, written_out
from relik_ml.training.lessons import Repeated, Teaching
from relik_ml.training.memory import Way, table
from relik_ml.training.optim import Optimisation
from relik_ml.training.run import Order, Run, Stages
from relik_ml.training.settings import sound
from relik_ml.training.stages import Session, keep_model, start_from, train_reader, train_retriever

__all__ = [
    "INTERRUPTION",
    "Data",
    "EntityTable",
    "LowestLayers",
    "Objective",
    "Optimisation",
    "Order",
    "Progress",
    "Questions",
    "Repeated",
    "Run",
    "Session",
    "Stages",
    "Task",
    "Teaching",
    "Way",
    "accelerated",
    "apart",
    "dense_recall",
    "entry_vectors",
    "fit",
    "given_index",
    "held_out_candidates",
    "joint",
    "keep_adapters",
    "keep_model",
    "read_data",
    "recipe",
    "refuse_other",
    "restore_weights",
    "save_retriever",
    "shuffled_batches",
    "sound",
    "stage_states",
    "start_from",
    "table",
    "train_reader",
    "train_retriever",
    "trained",
    "untrained",
    "written_out",
]
