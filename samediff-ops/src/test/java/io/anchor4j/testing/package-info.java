/** Inputs and yardsticks that tests share. */
package io.anchor4j.testing;
