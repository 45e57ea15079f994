/**
 * Times, zones and lengths of time as Go reads and writes them.
 *
 * A layout is the reference time, `Mon Jan 2 15:04:05.000 MST 2006`, in the form that is wanted
 * (https://pkg.go.dev/time#Layout). Of zones the runtime knows the distances; of the names it has,
 * only those are taken that the IANA's files have as well, since Go reads them there. The others
 * are in a table here.
 * @module
 */

/** How `fmt` prints a time. */
const PRINTED = "2006-01-02 15:04:05.999999999 -0700 MST";

/** Go's time.Time: milliseconds since 1970, and the name of a zone for {@link formatGoTime}. */
export class GoTime {
  constructor(readonly milliseconds: number, readonly zone: string) {}

  format(layout: string): string {
    return formatGoTime(new Date(this.milliseconds), layout, this.zone);
  }

  /** As Go prints it. */
  toString(): string {
    return this.format(PRINTED);
  }
}

/** The pieces of a layout that stand for something, as Go finds them from left to right. */
const PIECES =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|[345]|PM|pm|[-Z](?:070000|07:00:00|0700|07:00|07)|[.,](?:0+|9+)(?!\d)/g;

/**
 * Writes a time by a layout of Go's, in a zone: a name of the IANA's such as `Europe/Berlin`,
 * `UTC`, or `Local` for the machine's; throws an Error for a zone that does not exist.
 */
export function formatGoTime(date: Date, layout: string, timezone: string): string {
  const zone = zoneAt(timezone, date);
  const local = new Date(date.getTime() + zone.offset * 1000);
  return layout.replaceAll(PIECES, (piece) => {
    if (piece === "MST") return zone.name;
    const text = TEXTS[piece];
    if (text !== undefined) return text(local);
    // What stands before a digit fills up.
    const number = NUMBERS[piece] ?? NUMBERS[piece.slice(1)];
    if (number !== undefined) {
      return String(number(local)).padStart(piece.length, piece.startsWith("_") ? " " : "0");
    }
    return /^[-Z]/.test(piece) ? distance(piece, zone.offset) : fraction(piece, local);
  });
}

function named(local: Date, what: "month" | "weekday"): string {
  return local.toLocaleDateString("en-US", { timeZone: "UTC", [what]: "long" });
}

function yearOf(local: Date): string {
  const year = local.getUTCFullYear();
  return (year < 0 ? "-" : "") + String(Math.abs(year)).padStart(4, "0");
}

function dayOfYear(local: Date): number {
  const first = new Date(local);
  first.setUTCMonth(0, 1);
  return Math.round((local.getTime() - first.getTime()) / 86_400_000) + 1;
}

/** What pieces of a layout become, of a time whose UTC fields are those of the zone. */
const TEXTS: Readonly<Record<string, (local: Date) => string>> = {
  "2006": yearOf,
  January: (local) => named(local, "month"),
  Jan: (local) => named(local, "month").slice(0, 3),
  Monday: (local) => named(local, "weekday"),
  Mon: (local) => named(local, "weekday").slice(0, 3),
  PM: (local) => local.getUTCHours() < 12 ? "AM" : "PM",
  pm: (local) => local.getUTCHours() < 12 ? "am" : "pm",
};
const NUMBERS: Readonly<Record<string, (local: Date) => number>> = {
  "06": (local) => Math.max(local.getUTCFullYear(), 0) % 100,
  "1": (local) => local.getUTCMonth() + 1,
  "2": (local) => local.getUTCDate(),
  "3": (local) => local.getUTCHours() % 12 || 12,
  "4": (local) => local.getUTCMinutes(),
  "5": (local) => local.getUTCSeconds(),
  "15": (local) => local.getUTCHours(),
  "002": dayOfYear,
  __2: dayOfYear,
};

/** `-0700` and its relatives; with a Z, UTC is just that. */
function distance(piece: string, offset: number): string {
  if (piece.startsWith("Z") && offset === 0) return "Z";
  const size = Math.abs(offset);
  const all = [size / 3600, size / 60 % 60, size % 60].map((part) =>
    String(Math.floor(part)).padStart(2, "0")
  );
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

/** Languages whose regions use the short names of the IANA's files. */
const LOCALES = ["en-US", "en-GB", "en-AU", "en-NZ", "en-IN", "en-ZA", "id"];

/** Short names that are taken as the runtime gives them. */
const NAMES = new Set(
  ("ACDT ACST ADT AEDT AEST AKDT AKST AST AWST BST CAT CDT CEST CET CST EAT EDT EEST EET EST GMT " +
    "HST IST MDT MST NDT NST NZDT NZST PDT PST SAST UTC WAT WEST WET WIB WIT WITA").split(" "),
);

/**
 * Names of zones in standard and in summer time, where the runtime has other ones or none; "-" has
 * no letters, only the distance.
 */
const EXCEPTIONS = `
-: Antarctica/Casey Antarctica/Troll Asia/Colombo Atlantic/Azores
CST: Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Macao Asia/Macau Asia/Shanghai Asia/Taipei PRC
CST: ROC
CST/CDT: America/Havana Cuba
ChST: Pacific/Guam Pacific/Saipan
EET/EEST: Asia/Famagusta
GMT: Etc/GMT GMT GMT+0 GMT-0 GMT0
GMT/BST: Europe/Guernsey Europe/Isle_of_Man Europe/Jersey
GMT/IST: Eire Europe/Dublin
HKT: Asia/Hong_Kong Hongkong
HST/HDT: America/Adak America/Atka US/Aleutian
IST/IDT: Asia/Jerusalem Asia/Tel_Aviv Israel
JST: Asia/Tokyo Japan
KST: Asia/Pyongyang Asia/Seoul ROK
MST: America/Dawson America/Hermosillo America/Mazatlan America/Whitehorse Canada/Yukon
MST: Mexico/BajaSur
MSK: Europe/Kirov Europe/Moscow Europe/Simferopol Europe/Volgograd W-SU
PKT: Asia/Karachi
PST: Asia/Manila
SST: Pacific/Midway Pacific/Pago_Pago Pacific/Samoa US/Samoa
WET/WEST: Atlantic/Canary Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Europe/Lisbon Portugal
WET/WEST: WET
`;

const byZone = new Map(
  EXCEPTIONS.trim().split("\n").flatMap((line) => {
    const [names = "", zones = ""] = line.split(": ");
    return zones.split(" ").map((zone) => [zone, names] as const);
  }),
);

const formats = new Map<string, Intl.DateTimeFormat>();

/** How the runtime calls a zone in a language; a RangeError for one that it does not know. */
function shown(locale: string, timeZone: string, timeZoneName: "short" | "longOffset", time: Date) {
  const key = [locale, timeZone, timeZoneName].join();
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone, timeZoneName });
  formats.set(key, format);
  return format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value ?? "";
}

/** Seconds east of UTC. */
function offsetAt(zone: string, time: Date): number {
  // Written as distances, such as GMT-00:44:30.
  const text = shown("en-US", zone, "longOffset", time);
  const [, sign, hours, minutes, seconds = 0] = /([-+])(\d+):(\d+)(?::(\d+))?/.exec(text) ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}

/** The seconds that a zone is east of UTC at a time, and its name, or that distance. */
function zoneAt(zone: string, time: Date): { readonly offset: number; readonly name: string } {
  const known = zone === "Local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone || "UTC";
  if (known === "UTC") return { offset: 0, name: "UTC" };
  if (!isZone(known)) throw new Error(`there is no time zone ${JSON.stringify(zone)}`);
  const offset = offsetAt(known, time);
  // `+0530`, and without minutes where there are none.
  const bare = distance(offset % 3600 === 0 ? "-07" : "-0700", offset);
  return { offset, name: nameAt(known, time, offset) ?? bare };
}

/** Whether there is a zone of a name; letters are as the IANA writes them. */
export function isZone(name: string): boolean {
  // Distances are no names, though the runtime takes them.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return shown("en-US", name, "longOffset", new Date()) !== "";
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The short name of a zone at a time, where it has one. */
function nameAt(zone: string, time: Date, offset: number): string | undefined {
  const exception = byZone.get(zone);
  if (exception === "-") return undefined;
  if (exception !== undefined) {
    const [standard = "", summer = standard] = exception.split("/");
    return isSummer(zone, time, offset) ? summer : standard;
  }
  const names = LOCALES.values().map((locale) => shown(locale, zone, "short", time));
  return names.find((name) => NAMES.has(name));
}

/** Whether clocks are ahead of what they are in the other half of the year. */
function isSummer(zone: string, time: Date, offset: number): boolean {
  const year = time.getUTCFullYear();
  return [0, 6].some((month) => offsetAt(zone, new Date(Date.UTC(year, month, 1))) < offset);
}

/** Lengths of time in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/** Milliseconds, or undefined for what is no length of time. */
export function parseDuration(text: string): number | undefined {
  const [, sign = "", rest = ""] = /^([-+]?)(.*)$/.exec(text) ?? [];
  if (rest === "0") return 0;
  if (rest === "" || rest.replaceAll(PART, "") !== "") return undefined;
  let sum = 0;
  for (const [, number, unit = ""] of rest.matchAll(PART)) {
    sum += Number(number) * (UNITS[unit] ?? 0);
  }
  return sign === "-" ? -sum : sum;
}
