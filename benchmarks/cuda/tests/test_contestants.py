"""PyTorch's attention is asked for what ours computes."""

import unittest

import torch

from anchor4j_cuda.attention import Rules
from anchor4j_cuda.contestants import Flash, Flex
from anchor4j_cuda.reference import Reference, visible
from anchor4j_cuda.work import MASKS, Tensors, Work


class ContestantsTest(unittest.TestCase):
    work = Work(tokens=300, head_dim=16, heads=8, kv_heads=2, documents=5)

    def expect(self, contestant, tensors, mask):
        ids = self.work.ids(mask)[None]
        positions = torch.zeros_like(ids)
        inputs = tensors.query, tensors.key, tensors.value
        exact, _ = Reference(Rules(mask), *inputs, ids, positions).forward()
        with torch.no_grad():  # FlexAttention has no gradients on a processor
            output = contestant.compute(*inputs)
        torch.testing.assert_close(output.double(), exact, rtol=1e-2, atol=2e-2)

    def test_flex_attention_has_the_same_mask(self):
        tensors = Tensors(self.work, torch.device("cpu"))
        for mask in MASKS:
            with self.subTest(mask):
                self.expect(Flex(tensors, mask, compiled=False), tensors, mask)

    def test_flash_attention_is_causal_over_grouped_heads(self):
        tensors = Tensors(self.work, torch.device("cpu"))
        self.expect(Flash(tensors), tensors, "full")

    def test_visible_pairs_are_those_of_the_mask(self):
        for mask in MASKS:
            seen = visible(Rules(mask), self.work.ids(mask)[None], self.work.tokens)
            self.assertEqual(int(seen.sum()), self.work.visible_pairs(mask))

    def test_documents_fill_the_row(self):
        for documents in (1, 2, 16):
            work = Work(4096, 64, 8, 1, documents)
            self.assertEqual((len(work.lengths()), sum(work.lengths())), (documents, 4096))


if __name__ == "__main__":
    unittest.main()
