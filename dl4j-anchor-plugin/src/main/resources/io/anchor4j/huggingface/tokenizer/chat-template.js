// Runs after huggingface-jinja, in its scope, and makes it Python where it would silently differ.

const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

function strip(text, chars, left, right) {
  const unwanted = chars == null ? (c) => SPACES.test(c) : (c) => chars.includes(c);
  const all = Array.from(text);
  let start = 0;
  let end = all.length;
  while (left && start < end && unwanted(all[start])) start++;
  while (right && end > start && unwanted(all[end - 1])) end--;
  return all.slice(start, end).join("");
}

// JavaScript's white space is not Python's: it has U+FEFF and lacks U+0085.
String.prototype.trim = function () {
  return strip(String(this), null, true, true);
};
String.prototype.trimStart = function () {
  return strip(String(this), null, true, false);
};
String.prototype.trimEnd = function () {
  return strip(String(this), null, false, true);
};

function refuse(what) {
  throw new Error(what + " is not supported");
}

const stringBuiltins = Object.getOwnPropertyDescriptor(StringValue.prototype, "builtins").get;
Object.defineProperty(StringValue.prototype, "builtins", {
  get() {
    if (!this._builtins) {
      const builtins = stringBuiltins.call(this);
      const method = (left, right) =>
        new FunctionValue((args) => {
          const chars = args.length > 0 && args[0] instanceof StringValue ? args[0].value : null;
          if (args.length > (chars == null ? 0 : 1)) refuse("this call of strip()");
          return new StringValue(strip(this.value, chars, left, right));
        });
      builtins.set("strip", method(true, true));
      builtins.set("lstrip", method(true, false));
      builtins.set("rstrip", method(false, true));
      builtins.delete("title");
      builtins.delete("capitalize");
      // Python counts characters; this is also what the filter "length" gives.
      builtins.set("length", new IntegerValue(Array.from(this.value).length));
    }
    return this._builtins;
  },
});

// Python prints True, None and ['a']: nothing that a chat template prints on purpose.
Interpreter.prototype.evaluateBlock = function (statements, environment) {
  let text = "";
  for (const statement of statements) {
    const value = this.evaluate(statement, environment);
    if (value instanceof StringValue || value instanceof IntegerValue) {
      text += value.value;
    } else if (statement.type === "Set" || statement.type === "Macro" || statement.type === "Comment") {
      continue;
    } else if (!(value instanceof UndefinedValue)) {
      refuse("printing a " + value.type);
    }
  }
  return new StringValue(text);
};

function isNumber(value) {
  return value instanceof IntegerValue || value instanceof FloatValue;
}

function equal(left, right) {
  if (isNumber(left) && isNumber(right)) return left.value === right.value;
  if (left.type !== right.type) {
    if (left instanceof BooleanValue || right instanceof BooleanValue) {
      if (isNumber(left) || isNumber(right)) refuse("comparing a number with a truth value");
    }
    return false;
  }
  if (left instanceof ArrayValue) {
    return left.value.length === right.value.length
      && left.value.every((value, i) => equal(value, right.value[i]));
  }
  if (left instanceof ObjectValue) {
    return left.value.size === right.value.size
      && [...left.value].every(([key, value]) => right.value.has(key) && equal(value, right.value.get(key)));
  }
  return left instanceof NullValue || left instanceof UndefinedValue || left.value === right.value;
}

const evaluateBinary = Interpreter.prototype.evaluateBinaryExpression;
Interpreter.prototype.evaluateBinaryExpression = function (node, environment) {
  const operator = node.operator.value;
  if (operator === "and" || operator === "or") return evaluateBinary.call(this, node, environment);
  const left = this.evaluate(node.left, environment);
  const right = this.evaluate(node.right, environment);
  if (operator === "==" || operator === "!=") {
    return new BooleanValue(equal(left, right) === (operator === "=="));
  }
  if (operator === "%" && isNumber(left) && (left.value < 0 || right.value < 0)) {
    refuse("% of a negative number");
  }
  if (operator === "~" && ![left, right].every((v) => v instanceof StringValue || v instanceof IntegerValue)) {
    refuse("~ of a " + left.type + " and a " + right.type);
  }
  if (operator === "+" && left.type !== right.type && !(isNumber(left) && isNumber(right))) {
    refuse("+ of a " + left.type + " and a " + right.type);
  }
  // The operands are known: they stand in for their expressions, which are not evaluated again.
  const known = { type: "Known" };
  return evaluateBinary.call(
    { evaluate: (operand) => (operand === known ? right : left) },
    { left: { type: "Known" }, right: known, operator: node.operator },
    environment);
};

const evaluateMember = Interpreter.prototype.evaluateMemberExpression;
Interpreter.prototype.evaluateMemberExpression = function (node, environment) {
  const object = this.evaluate(node.object, environment);
  if (object instanceof UndefinedValue || object instanceof NullValue) {
    refuse("a member of what is not defined");
  }
  if (!node.computed && node.property.value === "length"
    && (object instanceof ArrayValue || object instanceof StringValue)) {
    refuse("the member length");
  }
  const self = Object.create(this);
  self.evaluate = (operand, scope) => (operand === node.object ? object : this.evaluate(operand, scope));
  return evaluateMember.call(self, node, environment);
};

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

function formatted(now, format) {
  const two = (number) => String(number).padStart(2, "0");
  return format.replace(/%(.)/g, (all, code) => {
    switch (code) {
      case "Y": return String(now.year);
      case "m": return two(now.month);
      case "d": return two(now.day);
      case "B": return MONTHS[now.month - 1];
      case "b": return MONTHS[now.month - 1].slice(0, 3);
      case "A": return DAYS[now.weekday];
      case "a": return DAYS[now.weekday].slice(0, 3);
      case "H": return two(now.hour);
      case "M": return two(now.minute);
      case "S": return two(now.second);
      case "%": return "%";
      default: return refuse("strftime_now with %" + code);
    }
  });
}

function answer() {
  const request = JSON.parse(host.request());
  // Template.render declares it itself, and leans on Intl, which is not there.
  strftime_now = (format) => formatted(request.now, format);
  let template;
  try {
    template = new Template(request.template);
    return { text: template.render(request.context) };
  } catch (error) {
    return { error: String(error.message), parsed: template !== undefined };
  }
}

host.answer(JSON.stringify(answer()));
