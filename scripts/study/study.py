"""The study as its story tells it: a line for each step; what documents and times it does not name is made up.

Everything follows from the seed and from what the runner answers: digests of documents are those of their names, and
a digest or time that a transition asks for and the story leaves out is filled in.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from study.cast import CAST, person, prefix_of
from study.steps import Made, Refusal, Step
from trial.chance import Chance, sha256_hex
from trialanchor_chaincode.rules.transitions import ANY_TIME, TRANSITIONS

if TYPE_CHECKING:
    from study.steps import Runner, Vault
    from trialanchor_chaincode.rules.transitions import TransitionSpec


class UnexpectedError(Exception):
    """A step ended in another way than the story says."""


class Done(NamedTuple):
    """A step that was run, in its chapter.

    Attributes:
        chapter: Title of the chapter.
        step: The step.
        outcome: What came of it.
    """

    chapter: str
    step: Step
    outcome: Made | Refusal


class Study:
    """A study, and what was done in it so far.

    Attributes:
        oid: OID of the study, empty until it has one.
        done: All steps, in order, with those of other studies told in the same story.
        filed: Number of documents that were filed.
    """

    def __init__(self, runner: Runner, vault: Vault, seed: int = 7) -> None:
        self.runner = runner
        self.vault = vault
        self.seed = seed
        self.oid = ""
        self.done: list[Done] = []
        self.filed = 0
        self._chapter = [""]
        self._requests: list[str] = []

    def another(self, oid: str) -> Study:
        """Give another study of the same story."""
        other = copy(self)
        other.oid = oid
        return other

    @property
    def now(self) -> int:
        """Unix second."""
        return self.runner.now

    def days(self, count: int) -> int:
        """Give the seconds of some days, as far as the runner can let them pass."""
        return count * self.runner.day

    def wait(self, days: int = 0, hours: int = 0) -> None:
        """Let days and hours pass."""
        self.runner.wait((24 * days + hours) * 3_600)

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapter[0] = title

    def chance(self, purpose: str) -> Chance:
        """Give the random draws for a purpose."""
        return Chance(self.seed, purpose)

    def document(self, name: str) -> str:
        """Give the digest of a document of the study."""
        return f"sha256:{sha256_hex(f'{self.seed}/{self.oid}/{name}')}"

    def secret(self, name: str) -> str:
        """Give 64 hexadecimal digits that only their holder knows before they are revealed.

        In a story, that is: whoever knows its seed knows them all. What is sealed in earnest takes `secrets`.
        """
        return sha256_hex(f"{self.seed}/secret/{name}")

    def new(self, member: str, kind: str, count: int = 1, **description: Any) -> list[str]:
        """Have a member number new objects of a type, private ones unless it says otherwise."""
        self._requests.append(kind)
        visible = {"visibility": "blinded" if kind == "kit" else "private"}
        entries = [{"type": kind, **visible, **description}] * count
        arguments = {"prefix": prefix_of(member, kind), "entries": entries, "request": f"o{len(self._requests)}"}
        return self.runner.write_oids(member, "allocate", arguments)

    def one(self, member: str, kind: str, **description: Any) -> str:
        """Have a member number one new object."""
        return self.new(member, kind, **description)[0]

    def file(self, member: str, kind: str, subject: str) -> str:
        """Have a member file a document about an object of the study; give the digest that names it."""
        self.filed += 1
        return self.runner.file(member, kind, subject, self.oid)

    def do(self, name: str, member: str, by: str = "", /, **arguments: Any) -> Made:
        """Make a step, which must be accepted.

        Args:
            name: `<contract>/<action>`.
            member: OID of the member.
            by: Name of the person of its staff that signs; a system when it is empty.
            arguments: What the story says; the rest is filled in.

        Raises:
            UnexpectedError: It was refused.
        """
        outcome = self._run(name, member, by, arguments)
        if isinstance(outcome, Refusal):
            raise UnexpectedError(f"{name} by {CAST[member].name}: {outcome.code}: {outcome.sentence}")
        return outcome

    def refuse(self, code: str, name: str, member: str, by: str = "", /, **arguments: Any) -> Refusal:
        """Try a step, which must be refused with this code.

        Raises:
            UnexpectedError: It was accepted, or refused for another reason.
        """
        outcome = self._run(name, member, by, arguments)
        if not isinstance(outcome, Refusal) or outcome.code != code:
            raise UnexpectedError(f"{name} by {CAST[member].name}: {code} was expected, not {outcome}")
        return outcome

    def _run(self, name: str, member: str, by: str, given: dict[str, Any]) -> Made | Refusal:
        contract, _, action = name.partition("/")
        spec = TRANSITIONS[contract, action]
        actor = person(member, by) if by else member
        study = self.oid if spec.scope == "study" else None
        step = Step(member, actor, name, self._filled(spec, given), study, self.now)
        outcome = self.runner.make(step)
        self.done.append(Done(self._chapter[0], step, outcome))
        return outcome

    def _filled(self, spec: TransitionSpec, given: dict[str, Any]) -> dict[str, Any]:
        """Give the arguments with the study, the time and the documents that the story does not name."""
        filled = dict(given)
        for field in spec.fields.values():
            if field.name in given:
                continue
            if field.name == ANY_TIME:
                filled[field.name] = self.now
            elif field.name == "study":
                filled[field.name] = self.oid
            elif field.required and field.type == "digest":
                filled[field.name] = self.document(f"{spec.contract}/{spec.action}/{field.name}/{len(self.done)}")
        return filled
