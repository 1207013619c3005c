/** JSON that somebody else wrote, read strictly. */
package io.anchor4j.huggingface.json;
