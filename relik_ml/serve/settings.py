"""What a service takes, and from whom."""

from __future__ import annotations

from dataclasses import dataclass, fields

from relik_ml.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond these a request is refused. ConfigError when they cannot work."""

    body: int = 1 << 20
    """Bytes of a request's body."""
    characters: int = 100_000
    """Code points of one text."""
    texts: int = 32
    """Texts of one request."""
    queue: int = 128
    """Texts that wait for the model, those it is reading left out."""
    together: int = 32
    """Texts of several requests that are given to the model at once."""
    seconds: float = 30.0
    """How long a body may take to arrive, and how long its texts may wait for their answer."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not (value := getattr(self, field.name)) > 0:
                raise ConfigError("a limit must be above zero", where=field.name, got=str(value), fix="raise it")
        if self.texts > self.queue:
            got = f"{self.texts} texts a request, {self.queue} in the queue"
            raise ConfigError("a full request has no room in the queue", got=got, fix="let the queue hold more")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask: with a ``key`` those who send it, and pages of ``origins`` besides our own (CORS)."""

    key: str | None = None
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.key is not None and not (self.key.isascii() and self.key.isprintable() and self.key.strip()):
            fix = "use letters, digits and signs of ASCII"
            raise ConfigError("the API key cannot be sent in a header", where="--api-key", fix=fix)
