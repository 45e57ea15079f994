/**
 * Decimal texts of float64 numbers, as Go's strconv makes them: exact, and halves to even.
 * @module
 */

/** Digits of a number that is `0.DIGITS * 10^point`; zero has no digits. */
interface Decimal {
  readonly digits: string;
  readonly point: number;
}

/** All digits that a positive number has, which is a finite count in base ten. */
function exact(value: number): Decimal {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const stored = Number((raw >> 52n) & 0x7ffn);
  const mantissa = (raw & (2n ** 52n - 1n)) | (stored === 0 ? 0n : 2n ** 52n);
  const exponent = Math.max(stored, 1) - 1075;
  const scaled = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const digits = scaled.toString();
  return trimmed(digits, digits.length + Math.min(exponent, 0));
}

/** The fewest digits that read back as the same number. */
function shortest(value: number): Decimal {
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  return trimmed(mantissa.replace(".", ""), Number(exponent) + 1);
}

function trimmed(digits: string, point: number): Decimal {
  const kept = digits.replace(/0+$/, "");
  return { digits: kept, point: kept === "" ? 0 : point };
}

/** Keeps the first `count` digits; a count of zero or less may still leave a one by rounding. */
function rounded({ digits, point }: Decimal, count: number): Decimal {
  if (count >= digits.length) return { digits, point };
  if (count < 0) return { digits: "", point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const half = rest[0] === "5" && rest.length === 1;
  const odd = Number(kept.at(-1) ?? 0) % 2 === 1;
  const up = half ? odd : (rest[0] ?? "0") >= "5";
  if (!up) return trimmed(kept, point);
  const raised = (BigInt(kept || 0) + 1n).toString();
  return trimmed(raised, point + raised.length - Math.max(kept.length, 0));
}

function fixed({ digits, point }: Decimal, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (places <= 0) return whole;
  const part = point > 0 ? digits.slice(point) : "0".repeat(Math.min(-point, places)) + digits;
  return `${whole}.${part.slice(0, places).padEnd(places, "0")}`;
}

function exponential({ digits, point }: Decimal, places: number): string {
  const exponent = digits === "" ? 0 : point - 1;
  const part = places > 0 ? `.${digits.slice(1).padEnd(places, "0")}` : "";
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0] ?? "0"}${part}e${exponent < 0 ? "-" : "+"}${size}`;
}

/**
 * Writes a number as Go's `strconv.FormatFloat` does.
 *
 * @param verb `f` without an exponent, `e` with one, `g` whichever is shorter
 * @param precision digits behind the point, or of the whole for `g`; -1 for as few as needed
 */
export function formatFloat(value: number, verb: "e" | "f" | "g", precision: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value < 0 ? "-Inf" : "+Inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (precision < 0) {
    const few = shortest(size);
    const { digits, point } = few;
    if (verb === "f") return sign + fixed(few, digits.length - point);
    if (verb === "e") return sign + exponential(few, digits.length - 1);
    return sign + general(few, 6, digits.length);
  }
  const all = exact(size);
  if (verb === "f") return sign + fixed(rounded(all, all.point + precision), precision);
  if (verb === "e") return sign + exponential(rounded(all, precision + 1), precision);
  const count = precision === 0 ? 1 : precision;
  const few = rounded(all, count);
  const { digits, point } = few;
  const limit = count > digits.length && digits.length >= point ? digits.length : count;
  return sign + general(few, limit, digits.length);
}

function general(decimal: Decimal, limit: number, count: number): string {
  const exponent = decimal.point - 1;
  const isLong = exponent < -4 || exponent >= limit;
  // Zero has no digits, and no exponent either.
  if (decimal.digits === "") return "0";
  if (isLong) return exponential(decimal, count - 1);
  return fixed(decimal, Math.max(count - decimal.point, 0));
}
