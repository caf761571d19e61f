"""The check of 4.2 drop_labels.

Many rows are dropped at once and counted. The labels hold no null, so it's plain which rows were replaced.
"""

from collections.abc import Callable

import torch as t

from tests.checking import (
    DEVICES,
    NO_TENSOR,
    Mistake,
    careful,
    check,
    elsewhere,
    kind,
    recognise,
    seed_all,
    unchanged,
)

MANY, SHARE = 4000, 0.4
FEW = 0.04  # a share that is no multiple of a tenth
ONE_A_CLASS = "You draw once for a class. Each row has a chance of its own, whatever its label is."
CAPTION = t.tensor([9, 8, 7, 6])  # a null that is a row itself

REPLACED_MISTAKES = [  # what stands in a dropped row, where that is no null
    ("You set them to 0. Where is null?", lambda rows, null: not rows.any()),
    ("You set them to -1. Where is null?", lambda rows, null: bool((rows == -1).all())),
    ("You take one less than null. It's given as it is.", lambda rows, null: bool((rows == null - 1).all())),
    (
        "You add null to the label. It takes the label's place.",
        lambda rows, null: bool(((rows - null >= 0) & (rows - null < 10)).all()),
    ),
    (
        "You give them other classes. The null label stands for none of them.",
        lambda rows, null: bool(((rows >= 0) & (rows < 10)).all()),
    ),
]
SHARE_MISTAKES = [  # the share that is dropped
    ("You keep that share and drop the rest.", lambda found: abs(found - (1 - SHARE)) < 0.025),
    ("You use a fixed number. Where is share?", lambda found: abs(found - 0.1) < 0.025 or abs(found - 0.5) < 0.025),
    ("You use share twice, or square it.", lambda found: abs(found - SHARE**2) < 0.03),
    ("You draw rows one after the other, so that some are drawn twice.", lambda found: abs(found - 0.33) < 0.02),
    (
        "You draw with t.randn. Those numbers aren't spread evenly from 0 to 1.",
        lambda found: abs(found - 0.655) < 0.025,
    ),
]


@check("4.2", mistakes=REPLACED_MISTAKES + SHARE_MISTAKES)
def check_drop_labels(answer: Callable) -> str:
    answer = careful(answer)
    for device in DEVICES:
        labels = t.randint(0, 10, (MANY,), generator=t.Generator().manual_seed(987654)).to(device)
        dropped = dropped_rows(answer, labels, SHARE, 10)
        judge_draws(answer, labels, dropped)
        judge_share(dropped, labels)
        judge_chance(labels, dropped)
    judge_small(answer)
    judge_ends(answer, labels.cpu())
    judge_rows(answer)
    judge_types(answer)
    facts, question = (
        "with labels on another device, tensors of two devices meet",
        "You draw the chances on the CPU. Draw them where the labels are.",
    )
    elsewhere(lambda: answer(t.ones(6, dtype=t.int64, device="meta"), SHARE, 10), facts, question)
    return "the share, each row by itself, whole captions, types kept, the labels given untouched"


def ask(answer: Callable, labels: t.Tensor, share: float, null: t.Tensor | float) -> t.Tensor:
    shape, call = tuple(labels.shape), f"for labels of shape {tuple(labels.shape)}"
    with unchanged(labels=labels):
        result = answer(labels, share, null)
    if result is None:
        raise Mistake(f"{call} it returns None", "Where does the function return something?")
    if not isinstance(result, t.Tensor):
        raise Mistake(f"{call} it returns {kind(result)}, expected one tensor", NO_TENSOR.get(type(result), ""))
    if result.dtype == t.bool and labels.dtype != t.bool:
        facts = f"{call} it returns true and false, expected labels"
        raise Mistake(facts, "You return which rows are dropped. What do they become?")
    if result.shape != shape:
        question = "You leave the dropped rows out. They become null." if len(result) < len(labels) else ""
        if result.dim() > len(shape):
            question = "You give the chances more axes than the labels have."
        raise Mistake(f"{call} it returns {kind(result)}, expected the same shape", question)
    if result.dtype != labels.dtype:
        facts = f"{call} and type {labels.dtype} it returns type {result.dtype}"
        raise Mistake(facts, "You put a number of another type in, or multiply with one.")
    if result.device != labels.device:
        raise Mistake(f"{call} on {labels.device.type} it returns a tensor on {result.device.type}")
    return result


def dropped_rows(answer: Callable, labels: t.Tensor, share: float, null: int) -> t.Tensor:
    """Which labels have become null, (B,) bool. All others have to be as they were."""
    result = ask(answer, labels, share, null)
    dropped = result != labels
    others = result[dropped & (result != null)]
    if len(others):
        facts = f"a label has become {others[0].item()}, expected as it was or null, which is {null}"
        otherwise = "You do something else to labels. Each stays as it is, or becomes null."
        raise Mistake(facts, recognise(REPLACED_MISTAKES, lambda made: made(result[dropped], null), otherwise))
    return dropped


def judge_draws(answer: Callable, labels: t.Tensor, dropped: t.Tensor) -> None:
    """Other rows each time, unless it's all of them or none."""
    again = dropped_rows(answer, labels, SHARE, 10)
    if again.equal(dropped) and dropped.any() and not dropped.all():
        facts = "two calls drop the same labels"
        seed_all(t.initial_seed() + 1)
        seeded = dropped_rows(answer, labels, SHARE, 10).equal(dropped)
        first = dropped[: int(SHARE * MANY)].float().mean() > 0.99
        question = (
            "You drop the first ones. Each row has the same chance."
            if first
            else "Where do you draw? Each row has a chance of its own."
        )
        raise Mistake(
            facts, question if first or not seeded else "You set a seed inside, or draw only once, or not at all."
        )


def judge_share(dropped: t.Tensor, labels: t.Tensor) -> None:
    found = dropped.float().mean().item()
    if abs(found - SHARE) > 0.04:
        by_class = [dropped[labels == label].float().mean().item() for label in range(10)]
        whole_classes = 0 < found < 1 and all(share in (0, 1) for share in by_class)
        others = [
            ("You draw once for the whole minibatch. Each image has a chance of its own.", found in (0, 1)),
            ("You drop every one.", found > 0.99),
        ]
        question = ONE_A_CLASS if whole_classes else recognise(SHARE_MISTAKES, lambda made: made(found))
        question = question or recognise(others, bool)
        raise Mistake(
            f"{found:.0%} of {MANY:,d} labels are dropped with share={SHARE}, expected about {SHARE:.0%}", question
        )


def judge_chance(labels: t.Tensor, dropped: t.Tensor) -> None:
    """Rows wherever they stand and whatever they are."""
    shares = [dropped[labels == label].float().mean().item() for label in range(10)]
    if max(shares) > 2 * SHARE:
        facts = f"label {shares.index(max(shares))} is dropped in {max(shares):.0%} of its rows, with share={SHARE}"
        raise Mistake(facts, ONE_A_CLASS)
    together = (dropped[1:] & dropped[:-1]).float().mean().item()
    if abs(together - SHARE**2) > 0.04:
        facts = f"of two neighbours, both are dropped in {together:.0%} of all cases, expected {SHARE**2:.0%}"
        raise Mistake(facts, "You let rows share a draw. Each has its own.")


def judge_small(answer: Callable) -> None:
    """Batches of one: a fixed number of rows cannot be right there."""
    found = sum(dropped_rows(answer, t.tensor([3]), SHARE, 10).item() for _ in range(300)) / 300
    if abs(found - SHARE) > 0.14:
        facts = f"with share={SHARE}, a minibatch of a single image loses its label in {found:.0%} of all cases"
        raise Mistake(facts, "You drop a fixed number of rows. Each has a chance of its own.")


def judge_ends(answer: Callable, labels: t.Tensor) -> None:
    for share, words in [(0.0, "none of the labels should be dropped"), (1.0, "all labels should be dropped")]:
        found = dropped_rows(answer, labels, share, 10).float().mean().item()
        if found != share:
            facts = f"with share={share:.0f}, {found:.0%} of the labels are dropped: {words}"
            question = "You change share on the way."
            if 0 < found < 0.02:
                question = "You drop one number too many, as <= does with whole numbers."
            raise Mistake(facts, question)
    found = dropped_rows(answer, labels, FEW, 10).float().mean().item()
    if abs(found - FEW) > 0.02:
        facts = f"with share={FEW}, {found:.0%} of the labels are dropped, expected {FEW:.0%}"
        raise Mistake(facts, "You change share on the way, or round it to tenths.")
    if answer(labels, 0.0, 10) is labels:
        facts = "with share=0 it returns the very labels that it is given, expected a new tensor"
        raise Mistake(facts, "You return labels itself. What is done to the result later is then done to them.")


def judge_rows(answer: Callable) -> None:
    """Captions, later as many as they have words: a wrong axis shows as wrong numbers, not as an error."""
    captions, square, deep = t.arange(2000 * 4).reshape(2000, 4) % 5, t.zeros(40, 40), t.zeros(40, 40, 3)
    for rows, null in [(captions, CAPTION), (square, t.ones(40)), (deep, t.ones(40, 3))]:
        call = f"labels of shape {tuple(rows.shape)} and a null of shape {tuple(null.shape)}"
        dropped = (ask(answer, rows, 0.5, null) != rows).flatten(1)
        whole, columns = dropped.all(dim=1) | ~dropped.any(dim=1), dropped.all(dim=0) | ~dropped.any(dim=0)
        if not whole.all():
            facts = f"with {call}, parts of a row are replaced, expected whole rows"
            question = "You draw for each number. There's one draw for each row."
            if columns.all():
                question = "You let the chances run along the columns. Which shape do they need?"
            elif not dropped.any(dim=0).all():
                question = "You replace some numbers of a row alone."
            raise Mistake(facts, question)
        result = ask(answer, rows, 1.0, null)
        if not result.equal(null.expand_as(rows)):
            facts = f"with {call}, a dropped row is {result[0][:6].tolist()}, expected {null[:6].tolist()}"
            raise Mistake(facts, "You put in something else. Where is null?")
        share = dropped.any(dim=1).float().mean().item()
        if abs(share - 0.5) > 0.45:
            raise Mistake(
                f"with {call}, {share:.0%} of the rows are dropped with share=0.5", "You draw once for all rows."
            )


def judge_types(answer: Callable) -> None:
    for labels in (t.arange(8, dtype=t.uint8), t.ones(8, 2), t.arange(8, dtype=t.int32)):
        ask(answer, labels, SHARE, 10)
        if not (ask(answer, labels, 1.0, 10) == 10).all():
            raise Mistake(f"with share=1 and null=10, labels of type {labels.dtype} don't all become 10")
