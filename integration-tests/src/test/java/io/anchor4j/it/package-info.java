/** Tests of whole paths, through the command line and across modules. */
package io.anchor4j.it;
