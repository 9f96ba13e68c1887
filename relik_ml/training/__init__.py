"""Shared by the recipes: data, configuration, losses, optimizer, checkpoints, distributed training, saving."""

from relik_ml.training.candidates import (
    annotated_relations,
    build_index,
    given_index,
    held_out_candidates,
    learnt_names,
    losses,
    shares,
)  # fmt: skip
from relik_ml.training.card import Origin, Task, model_card
from relik_ml.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    Progress,
    copied_weights,
    identity,
    restore_weights,
    trained,
)  # fmt: skip
from relik_ml.training.contrast import NONE, Embed, Objective, Queries, cached_backward
from relik_ml.training.data import Data, EntityTable, Layer, read_data, splits
from relik_ml.training.distributed import Processes
from relik_ml.training.inventory import annotated_entries, inventory, properties, types_with
from relik_ml.training.optimizer import OptimizerConfig, PeftOptions, create_optimizer, shuffled_batches
from relik_ml.training.reader_training import ReaderTraining, Repeated
from relik_ml.training.recipe_config import (
    INTERRUPTION,
    Count,
    NonNegative,
    Positive,
    PositiveInt,
    Presets,
    RecipeConfig,
    Seed,
    Share,
    refuse_unused,
)  # fmt: skip
from relik_ml.training.saving import keep_adapters, save_model
from relik_ml.training.start import (
    Encoders,
    LowestLayers,
    apart,
    apart_encoders,
    assemble,
    further,
    joint,
    model_of,
    require_room,
    take_weights,
    teacher,
    untrained,
)  # fmt: skip
from relik_ml.training.thresholds import tuned
from relik_ml.training.trainer_state import TrainerState, start_accelerator

__all__ = [
    "INTERRUPTION", "NONE", "Checkpoint", "Checkpoints", "Count", "Data", "Embed", "Encoders", "EntityTable",
    "Layer", "LowestLayers", "NonNegative", "Objective", "OptimizerConfig", "Origin", "PeftOptions", "Positive",
    "PositiveInt", "Presets", "Processes", "Progress", "Queries", "ReaderTraining", "RecipeConfig", "Repeated",
    "Seed", "Share", "Task", "TrainerState", "annotated_entries", "annotated_relations", "apart", "apart_encoders",
    "assemble", "build_index", "cached_backward", "copied_weights", "create_optimizer", "further", "given_index",
    "held_out_candidates", "identity", "inventory", "joint", "keep_adapters", "learnt_names", "losses",
    "model_card", "model_of", "properties", "read_data", "refuse_unused", "require_room", "restore_weights",
    "save_model", "shares", "shuffled_batches", "splits", "start_accelerator", "take_weights", "teacher",
    "trained", "tuned", "types_with", "untrained",
]  # fmt: skip
