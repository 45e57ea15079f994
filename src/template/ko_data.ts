/**
 * What ko gives the templates in `.ko.yaml`: five fields; its functions are those of Go.
 * @module
 */
import { formatGoTime } from "./go_time.ts";

const RFC3339 = "2006-01-02T15:04:05Z07:00";

/** What the fields are made of. */
interface KoFacts {
  /** The environment of the build, with what the configuration adds to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** What `go env` prints; a variable of the environment wins over it. */
  readonly goEnvironment: Readonly<Record<string, string>>;
  /** The fields of `.Git`. */
  readonly git: object;
  /** The creation time of the image, or the present. */
  readonly date: Date;
  /** Where the hands of `.Date` stand; default the zone of the machine, as for ko. */
  readonly timezone?: string;
}

/** The data of ko's templates: `.Env`, `.GoEnv`, `.Git`, `.Date` and `.Timestamp`. */
export function koData(facts: KoFacts): Readonly<Record<string, unknown>> {
  const { environment, goEnvironment, git, date, timezone = "Local" } = facts;
  // ko always has this one, so that "{{.Env.LDFLAGS}}" needs no variable.
  const env = new Map(Object.entries({ LDFLAGS: "", ...environment }));
  const goEnv = Object.entries(goEnvironment).map(([key, value]) => [key, env.get(key) ?? value]);
  return {
    Env: Object.fromEntries(env),
    GoEnv: Object.fromEntries(goEnv),
    Git: git,
    Date: formatGoTime(date, RFC3339, timezone),
    Timestamp: Math.floor(date.getTime() / 1000),
  };
}
