"""The rows of the fixtures: tokens, documents, positions, targets, prompts."""

import torch

ANCHOR, PADDING, IGNORED = 0, -1, -100
VOCABULARY = 97

TRAINING = {
    "steps": 10,
    "batchSize": 2,
    "sequenceLength": 32,
    "learningRate": 0.004,
    "schedule": {"type": "cosine", "warmupSteps": 2, "finalRatio": 0.1},
    "adamw": {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.1},
    "gradientClip": 1.0,
}


def scoring_rows():
    """Row 0: unsorted, interleaved ids, two anchors, padding within and behind. Row 1: in order."""
    interleaved = (
        [0, 5, 5, 5, 2, 2, 5, 11, 11, 0, 2, 2, 11, 5, 5, 2, 11, -1, 11, 5]
        + [7, 7, 2, 7, 11, 11, 5, 7, 7, 2, 2, 5, 5, 7, 11, 2] + [-1] * 4
    )
    in_order = [0] + [1] * 12 + [2] * 10 + [3] * 17
    documents = torch.tensor([interleaved, in_order])
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(3, VOCABULARY, documents.shape, generator=generator)
    tokens[documents == ANCHOR] = 1
    tokens[documents == PADDING] = 0
    return tokens, documents


def training_rows():
    """Rows that can be learned: a token mostly decides the next one of its document."""
    generator = torch.Generator().manual_seed(2)
    draw = lambda low, high: int(torch.randint(low, high, (1,), generator=generator))
    rows = TRAINING["steps"] * TRAINING["batchSize"]
    length = TRAINING["sequenceLength"]
    documents = torch.full((rows, length), PADDING)
    tokens = torch.zeros((rows, length), dtype=torch.long)
    for row in range(rows):
        documents[row, 0], tokens[row, 0] = ANCHOR, 1
        end = length - draw(0, 6)
        document, last = 1, {}
        for t in range(1, end):
            if draw(0, 6) == 0:
                # Every other row returns to earlier documents: ids interleave.
                document = draw(1, 5) if row % 2 else document + 1
            seen = last.get(document, draw(3, VOCABULARY))
            last[document] = (5 * seen + 7) % (VOCABULARY - 3) + 3 if draw(0, 5) else draw(3, VOCABULARY)
            documents[row, t], tokens[row, t] = document, last[document]
    return tokens, documents


def position_ids(documents, kind):
    """Continuous: the index. Per document: anchors first, every document counts on from them."""
    if kind == "continuous":
        return torch.arange(documents.shape[1]).expand_as(documents).clone()
    positions = torch.zeros_like(documents)
    for row, ids in enumerate(documents.tolist()):
        anchors = ids.count(ANCHOR)
        counts = {}
        for t, document in enumerate(ids):
            if document != PADDING:
                counts.setdefault(document, 0 if document == ANCHOR else anchors)
                positions[row, t] = counts[document]
                counts[document] += 1
    return positions


def shifted_targets(tokens, documents, boundary_labels):
    targets = torch.full_like(tokens, IGNORED)
    counts = (documents[:, :-1] != PADDING) & (documents[:, 1:] != PADDING)
    if boundary_labels == "ignore":
        counts &= documents[:, :-1] == documents[:, 1:]
    targets[:, :-1] = torch.where(counts, tokens[:, 1:], IGNORED)
    return targets


def prompts():
    """Ids to go on from, greedily."""
    generator = torch.Generator().manual_seed(3)
    return [
        torch.cat((torch.ones(1, 1).long(), torch.randint(3, VOCABULARY, (1, n), generator=generator)), 1)
        for n in (9, 6)
    ]
