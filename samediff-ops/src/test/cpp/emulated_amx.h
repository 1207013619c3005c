// The kernels of amx.cpp with its tiles in plain C++, for machines that have none.
#pragma once

#include "anchor4j.h"

namespace a4j_test {

void emulatedAmxForward(const a4j_attention& attention);
void emulatedAmxBackward(const a4j_attention& attention);

}  // namespace a4j_test
