/**
 * Times as Go writes them: a layout is the reference time, `Mon Jan 2 15:04:05.000 MST 2006`, in the
 * form that is wanted (https://pkg.go.dev/time#Layout).
 * @module
 */
import { type ZoneAt, zoneAt } from "./time_zone.ts";

/** How `fmt` prints a time. */
const PRINTED = "2006-01-02 15:04:05.999999999 -0700 MST";

/** A time in a zone, as Go's time.Time. */
export class GoTime {
  /**
   * @param milliseconds since 1970
   * @param zone a name of the IANA's, `UTC` or `Local`
   */
  constructor(readonly milliseconds: number, readonly zone: string) {}

  /** Writes it by a layout. */
  format(layout: string): string {
    return formatGoTime(new Date(this.milliseconds), layout, this.zone);
  }

  /** As Go prints it. */
  toString(): string {
    return this.format(PRINTED);
  }
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** The pieces of a layout that stand for something, as Go finds them from left to right. */
const PIECES =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|[345]|PM|pm|[-Z](?:070000|07:00:00|0700|07:00|07)|[.,](?:0+|9+)(?!\d)/g;

/** A time, with its parts in a zone. */
interface Parts {
  /** Its UTC fields are those of the zone. */
  readonly local: Date;
  readonly zone: ZoneAt;
}

/**
 * Writes a time by a layout of Go's.
 *
 * @param timezone a name of the IANA's such as `Europe/Berlin`, `UTC`, or `Local` for the machine's
 * @throws {Error} for a zone that does not exist
 *
 * @example The tag that Skaffold's dateTime policy makes by default
 * ```ts
 * import { formatGoTime } from "./go_time.ts";
 * const text = formatGoTime(new Date("2024-01-02T03:04:05.670Z"), "2006-01-02_15-04-05.999_MST", "CET");
 * if (text !== "2024-01-02_04-04-05.67_CET") throw new Error(text);
 * ```
 */
export function formatGoTime(date: Date, layout: string, timezone: string): string {
  const zone = zoneAt(timezone, date);
  const local = new Date(date.getTime() + zone.offset * 1000);
  return layout.replaceAll(PIECES, (piece) => write(piece, { local, zone }));
}

const two = (value: number): string => String(value).padStart(2, "0");

function write(piece: string, parts: Parts): string {
  const written = day(piece, parts.local) ?? time(piece, parts.local);
  if (written !== undefined) return written;
  if (piece === "MST") return parts.zone.name;
  return /^[-Z]/.test(piece) ? distance(piece, parts.zone.offset) : fraction(piece, parts.local);
}

function day(piece: string, local: Date): string | undefined {
  const year = local.getUTCFullYear();
  const month = local.getUTCMonth();
  const date = local.getUTCDate();
  switch (piece) {
    case "2006":
      return year < 0 ? `-${String(-year).padStart(4, "0")}` : String(year).padStart(4, "0");
    case "06":
      return two(Math.max(year, 0) % 100);
    case "January":
      return MONTHS[month];
    case "Jan":
      return MONTHS[month]?.slice(0, 3);
    case "01":
      return two(month + 1);
    case "1":
      return String(month + 1);
    case "Monday":
      return DAYS[local.getUTCDay()];
    case "Mon":
      return DAYS[local.getUTCDay()]?.slice(0, 3);
    case "02":
      return two(date);
    case "2":
      return String(date);
    case "_2":
      return String(date).padStart(2, " ");
    case "002":
      return String(dayOfYear(local)).padStart(3, "0");
    case "__2":
      return String(dayOfYear(local)).padStart(3, " ");
    default:
      return undefined;
  }
}

function dayOfYear(local: Date): number {
  const first = new Date(local);
  first.setUTCMonth(0, 1);
  return Math.round((local.getTime() - first.getTime()) / 86_400_000) + 1;
}

function time(piece: string, local: Date): string | undefined {
  const hour = local.getUTCHours();
  switch (piece) {
    case "15":
      return two(hour);
    case "03":
      return two(hour % 12 || 12);
    case "3":
      return String(hour % 12 || 12);
    case "04":
      return two(local.getUTCMinutes());
    case "4":
      return String(local.getUTCMinutes());
    case "05":
      return two(local.getUTCSeconds());
    case "5":
      return String(local.getUTCSeconds());
    case "PM":
      return hour < 12 ? "AM" : "PM";
    case "pm":
      return hour < 12 ? "am" : "pm";
    default:
      return undefined;
  }
}

/** `-0700` and its relatives; with a Z, UTC is just that. */
function distance(piece: string, offset: number): string {
  if (piece.startsWith("Z") && offset === 0) return "Z";
  const size = Math.abs(offset);
  const all = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60].map(two);
  const count = piece.replaceAll(/\D/g, "").length / 2;
  return (offset < 0 ? "-" : "+") + all.slice(0, count).join(piece.includes(":") ? ":" : "");
}

/** `.000` writes as many digits as it has, `.999` no zeros at the end. */
function fraction(piece: string, local: Date): string {
  const count = piece.length - 1;
  const digits = String(local.getUTCMilliseconds()).padStart(3, "0").padEnd(count, "0");
  const kept = digits.slice(0, count);
  if (piece.includes("0")) return piece.charAt(0) + kept;
  const short = kept.replace(/0+$/, "");
  return short === "" ? "" : piece.charAt(0) + short;
}
