"""The structs as they are read from parameters.cuh."""

import ctypes
import unittest

from anchor4j_cuda.structs import CONSTANTS, STRUCTS, ParameterError, fill, parse


class StructsTest(unittest.TestCase):
    def test_every_struct_is_read(self):
        # Sizes are compared with the header's static_asserts while it is read.
        self.assertEqual(len(STRUCTS), 12)
        self.assertEqual(ctypes.sizeof(STRUCTS["AttentionParameters"]), 608)
        self.assertEqual(STRUCTS["AttentionParameters"].query.offset, 0)
        self.assertEqual(STRUCTS["AttentionParameters"].key.offset, 48)
        self.assertEqual((CONSTANTS["kMaskAnchor"], CONSTANTS["kPackFloat64"]), (2, 3))

    def test_values_lie_where_the_kernels_look(self):
        array = fill("Array", data=0x1122334455667788, stride=[1, 2], type=3)
        expected = (0x1122334455667788, 1, 2, 0, 0)
        self.assertEqual(bytes(array)[:40], b"".join(n.to_bytes(8, "little") for n in expected))
        self.assertEqual(bytes(array)[40:], (3).to_bytes(8, "little"))

    def test_a_field_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(ParameterError, "Array has no field size"):
            fill("Array", size=1)

    def test_a_size_that_differs_is_named(self):
        text = 'struct X {\n  double a;\n  a4j_int32 b;\n};\nstatic_assert(sizeof(X) == 12, "");\n'
        with self.assertRaisesRegex(ParameterError, "X has 16 bytes here, 12 by its static_assert"):
            parse(text)

    def test_a_line_that_is_no_field_is_named(self):
        with self.assertRaisesRegex(ParameterError, "X has a line that is no field: int a, b;"):
            parse("struct X {\n  int a, b;\n};\n")


if __name__ == "__main__":
    unittest.main()
