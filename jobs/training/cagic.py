"""CAGIC's networks from photos and captions to ``cagic.safetensors``: a recipe a reader.

The trunk is MobileNet-V2 as it was trained on ImageNet, its classifier included. Each recipe
trains one reader over the trunk's frozen features and replaces it in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import MobileNet_V2_Weights

from deepcrop import weights
from deepcrop.metrics.captions import bleu, cider
from deepcrop.networks.cagic.aesthetics import ViewRanker
from deepcrop.networks.cagic.captioner import Captioner, CaptionerOptions
from deepcrop.networks.cagic.classes import classes_of_words
from deepcrop.networks.cagic.model import SIDE, CagicNetwork
from deepcrop.networks.cagic.vocabulary import SPECIAL, tokens
from deepcrop.networks.cagic.word_detectors import WordScores
from deepcrop.networks.yolox import YoloxNano

from . import aesthetics, captioner, captions, words
from .yolox_weights import read_yolox

LICENCE = (
    "Apache-2.0; trunk: MobileNet-V2, Apache-2.0, trained on ImageNet-1k (research terms); "
    "captions: Flickr8k, non-commercial research only; detector: YOLOX-Nano, Apache-2.0"
)
REASON = (
    "its captioner and word detectors learned from the captions of Flickr8k, whose terms are "
    "non-commercial research only"
)
SUMMARY = (
    "YOLOX-Nano, MobileNet-V2 trunk, captioner and word detectors (Flickr8k, 1,000 photos), view "
    "ranker"
)


def untrained(trunk: dict[str, Tensor]) -> CagicNetwork:
    """Build the network from torchvision's MobileNet-V2 parameters, with untrained heads."""
    names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    network = CagicNetwork(
        Captioner(SPECIAL, CaptionerOptions(channels=320, cells=7, hidden=1)),
        WordScores(classes_of_words(names), []),
        ViewRanker(),
    )
    network.trunk.load_torchvision(trunk)
    network.words.classifier.weight.data = trunk["classifier.1.weight"].clone()
    network.words.classifier.bias.data = trunk["classifier.1.bias"].clone()
    return network.eval().requires_grad_(False)


def current(folder: Path, trunk: dict[str, Tensor]) -> CagicNetwork:
    """Load the network as trained so far from ``folder``, or build a new one."""
    path = folder / "cagic.safetensors"
    if not path.exists():
        return untrained(trunk)
    state, metadata = weights.load(str(path))
    return CagicNetwork.from_state(state, metadata)


def save(network: CagicNetwork, folder: Path) -> Path:
    """Write the network as named weights."""
    return weights.publish(
        "cagic",
        network.state_dict(),
        network.metadata(),
        licence=LICENCE,
        summary=SUMMARY,
        methods=["cagic"],
        commercial="no",
        commercial_reason=REASON,
        folder=folder,
    )


def add_objects(start: str, detector: Path, folder: Path) -> Path:
    """Give CAGIC's weights a detector of objects.

    Args:
        start: name or file of the weights that are extended.
        detector: folder of YOLOX-Nano's files for ncnn, ``yolox-nano.param`` and ``.bin``.
        folder: where ``cagic.safetensors`` is written to.

    Returns:
        The path of the new weights.
    """
    network = CagicNetwork.from_state(*weights.load(start))
    network.detector = YoloxNano().requires_grad_(False).eval()
    state = read_yolox(detector / "yolox-nano.param", detector / "yolox-nano.bin")
    network.detector.load_state_dict(state)
    return save(network, folder)


def encode_features(network: CagicNetwork) -> Callable[[Tensor], Tensor]:
    """Return the function that encodes squares ``(b, 3, s, s)`` for captioner and ranker."""
    return lambda squares: network.encode(squares.float())[0]


def cached(path: Path | None, make: Callable[[], Tensor]) -> Tensor:
    """Return the tensor at ``path``, which is computed and stored there the first time."""
    if path is not None and path.exists():
        return torch.load(path, weights_only=True)
    value = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(value, path)
    return value


def train_captioner(
    table: Path,
    trunk: Path,
    folder: Path,
    *,
    cache: Path | None = None,
    recipe: captioner.Recipe | None = None,
    detectors: words.Recipe | None = None,
    validation: int = 80,
    test: int = 100,
    log: Callable[[str], None] = print,
) -> dict[str, float]:
    """Train captioner and word detectors on a table of images and captions.

    Args:
        table: see :func:`~jobs.training.captions.read_captions`.
        trunk: torchvision's MobileNet-V2 parameters (safetensors).
        folder: where ``cagic.safetensors`` is, or will be.
        cache: folder that keeps the features, for the next time.
        recipe: the recipe of the captioner.
        detectors: the recipe of the word detectors.
        validation: number of photos that determine when to stop.
        test: number of photos for the reported figures; nothing is selected by them.
        log: takes a line of progress.

    Returns:
        The figures on the test photos.
    """
    recipe, detectors = recipe or captioner.Recipe(), detectors or words.Recipe()
    network = current(folder, load_file(trunk))
    photos = captions.read_captions(table)
    parts = captions.split(photos, validation=validation, test=test)
    encode = encode_features(network)

    def grids(mirror: bool) -> Tensor:
        name = "mirrored.pt" if mirror else "plain.pt"
        squares = (captions.read_square(photo.path, SIDE) for photo in photos)
        return cached(
            cache / name if cache else None,
            lambda: captions.feature_grids(
                (square.flip(-1) if mirror else square for square in squares), encode
            ),
        )

    fine = torch.stack([grids(False), grids(True)])
    coarse = pool(fine, recipe.options.cells)
    place = {photo.name: row for row, photo in enumerate(photos)}

    def rows(part: Sequence[captions.CaptionedPhoto]) -> Tensor:
        return torch.tensor([place[photo.name] for photo in part])

    vocabulary = captions.vocabulary_of(parts.train, recipe.least)

    def data(part: Sequence[captions.CaptionedPhoto], views: int) -> captioner.Captions:
        ids, owners = captions.encode_captions(part, vocabulary, recipe.longest)
        return captioner.Captions(coarse[:views, rows(part)], ids, owners)

    network.captioner = captioner.fit(
        vocabulary, data(parts.train, 2), data(parts.validation, 1), recipe, log
    )
    network.words = fit_words(network, parts.train, fine[0, rows(parts.train)], detectors)
    save(network, folder)
    return evaluate_captioner(network, parts.test, fine[0, rows(parts.test)])


def pool(grids: Tensor, cells: int) -> Tensor:
    """Average grids ``(views, n, C, H, W)`` to ``cells`` places a side."""
    flat = grids.flatten(0, 1)
    pooled = [F.adaptive_avg_pool2d(part.float(), cells).half() for part in flat.split(64)]
    return torch.cat(pooled).unflatten(0, grids.shape[:2])


def fit_words(
    network: CagicNetwork,
    photos: Sequence[captions.CaptionedPhoto],
    grids: Tensor,
    recipe: words.Recipe,
) -> WordScores:
    """Train detectors on photos and their features ``(n, 320, 14, 14)``, beside the classifier."""
    names, labels = words.labels_of(photos, recipe.least)
    means = semantic_means(network, grids)
    scores = WordScores(network.words.classes, names)
    scores.classifier = network.words.classifier
    scores.detector = words.fit(means, labels, recipe)
    return scores


@torch.no_grad()
def semantic_means(network: CagicNetwork, grids: Tensor) -> Tensor:
    """Return the window means of 1280-channel features, ``(n, 10, 1280)`` in float16."""
    last = network.trunk.blocks[18]
    return torch.cat([words.window_means(last(part.float())).half() for part in grids.split(32)])


@torch.no_grad()
def evaluate_captioner(
    network: CagicNetwork, photos: Sequence[captions.CaptionedPhoto], grids: Tensor
) -> dict[str, float]:
    """Return BLEU-1 to BLEU-4 and CIDEr of greedy captions, and how well detectors rank photos."""
    model = network.captioner
    said = [
        text.split()
        for part in grids.split(32)
        for text in model.describe(model.grid(part.float()))
    ]
    references = [[tokens(text) for text in photo.captions] for photo in photos]
    figures = {f"BLEU-{n + 1}": value for n, value in enumerate(bleu(said, references))}
    figures["CIDEr"] = cider(said, references)
    figures["distinct captions"] = float(len({" ".join(each) for each in said}))
    names = list(network.words.detectors)
    labels = words.shares(photos, names) > 0.3
    enough = labels.sum(0) >= 5
    scores = network.words.detector(semantic_means(network, grids)[:, 0].float())
    precision = words.average_precision(scores, labels)
    figures["mean AP of detectors"] = float(precision[enough].mean())
    figures["words in mean AP"] = float(enough.sum())
    return figures


def train_aesthetics(
    photos: Sequence[Path],
    trunk: Path,
    folder: Path,
    *,
    cache: Path | None = None,
    recipe: aesthetics.Recipe | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, float]:
    """Train the view ranker: a photo ranks above its sub-crops.

    Args:
        photos: well-composed photos; a tenth of them, by the hash of their names, is held out.
        trunk: torchvision's MobileNet-V2 parameters (safetensors).
        folder: where ``cagic.safetensors`` is, or will be.
        cache: folder that keeps the features, for the next time.
        recipe: how.
        log: takes a line of progress.

    Returns:
        The figures on the photos held out.
    """
    recipe = recipe or aesthetics.Recipe()
    network = current(folder, load_file(trunk))
    ranked = aesthetics.by_hash(photos)
    ranker = ViewRanker()
    encode = encode_features(network)
    pooled = cached(
        cache / "views.pt" if cache else None,
        lambda: aesthetics.view_features(ranked, encode, ranker, recipe.views),
    )
    held = max(1, len(pooled) // 10)
    network.ranker = aesthetics.fit(ranker, pooled[held:], recipe, log)
    save(network, folder)
    return aesthetics.evaluate(network.ranker, pooled[:held])
