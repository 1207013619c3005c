"""The reference itself, against torch's own derivatives and the masks' rules in words."""

import unittest
from dataclasses import replace

import torch

from anchor4j_cuda.attention import Rules, slopes
from anchor4j_cuda.problems import Buffer, random_problem
from anchor4j_cuda.reference import angles, rotate, visible


def sees(rules, ids, q, k):
    if ids[q] == -1 or ids[k] == -1 or (rules.causal and k > q):
        return False
    far = rules.window > 0 and abs(q - k) >= rules.window
    if rules.mask == "full":
        return not far
    if rules.mask == "intra-document":
        return ids[q] == ids[k] and (not far or ids[k] == 0)
    return ids[k] == 0 or (ids[q] == ids[k] and not far)


class ReferenceTest(unittest.TestCase):
    def test_the_mask_is_that_of_the_rules_in_words(self):
        for seed in range(40):
            problem = random_problem(seed, 17, 4)
            inputs = problem.draw("cpu")
            queries = inputs.query.shape[2]
            found = visible(problem.rules, inputs.documents, queries)
            for b, ids in enumerate(inputs.documents.tolist()):
                expected = [
                    [sees(problem.rules, ids, 17 - queries + q, k) for k in range(17)]
                    for q in range(queries)
                ]
                self.assertEqual(found[b].tolist(), expected, str(problem))

    def test_gradients_are_those_of_autograd(self):
        for seed in range(30):
            problem = random_problem(seed, 19, 6, kind=torch.float64, layout="dense")
            inputs = problem.draw("cpu")
            leaves = [x.clone().requires_grad_() for x in (inputs.query, inputs.key, inputs.value)]
            output = self.softmax(problem.rules, *leaves, inputs)
            output.backward(inputs.output_gradient)
            solved = inputs.reference().solve(inputs.output_gradient, torch.float64)
            torch.testing.assert_close(solved.output, output.detach(), rtol=1e-10, atol=1e-10)
            names = ("query_gradient", "key_gradient", "value_gradient")
            for name, leaf in zip(names, leaves, strict=True):
                torch.testing.assert_close(
                    getattr(solved, name),
                    leaf.grad,
                    rtol=1e-9,
                    atol=1e-10,
                    msg=f"{name}, {problem}",
                )

    @staticmethod
    def softmax(rules, query, key, value, inputs):
        first = key.shape[2] - query.shape[2]
        group = query.shape[1] // key.shape[1]
        if rules.rotary_pairs:
            cosine, sine = angles(rules, inputs.positions)
            query = rotate(rules, query, cosine[:, :, first:], sine[:, :, first:])
            key = rotate(rules, key, cosine, sine)
        key, value = (x.repeat_interleave(group, 1) for x in (key, value))
        scores = query @ key.mT * rules.scale_for(query.shape[3])
        if rules.alibi:
            apart = (inputs.positions[:, first:, None] - inputs.positions[:, None]).abs()
            scores = scores - slopes(query.shape[1])[:, None, None] * apart[:, None]
        mask = visible(rules, inputs.documents, query.shape[2])[:, None]
        weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
        return weights.masked_fill(~mask, 0) @ value  # a row that sees nothing is 0

    def test_rounding_errs_as_bfloat16_does(self):
        problem = replace(random_problem(1, 64, 16, "contiguous"), kind=torch.float32)
        problem = replace(problem, rules=Rules(), layout="dense")
        inputs = problem.draw("cpu")
        exact, _ = inputs.reference().forward()
        for precision in ("bfloat16", "compensated"):
            error = (inputs.reference(precision).forward()[0] - exact).abs().max().item()
            self.assertGreater(error, 1e-4)
            self.assertLess(error, 3e-2)
        plain, _ = inputs.reference("float32").forward()
        self.assertTrue(torch.equal(plain, exact))

    def test_a_write_beside_the_elements_is_noticed(self):
        for layout in ("dense", "tokens first", "transposed", "gaps"):
            buffer = Buffer((2, 3, 5, 4), torch.bfloat16, layout, "cpu")
            buffer.tensor.fill_(1)
            self.assertTrue(buffer.canaries_alive())
            beside = buffer.tensor.storage_offset() - 1
            buffer.tensor.as_strided((1,), (1,), beside).fill_(2)
            self.assertFalse(buffer.canaries_alive(), layout)


if __name__ == "__main__":
    unittest.main()
