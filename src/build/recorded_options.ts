/**
 * From a build that was recorded to the options that do it again. What nobody has signed may say how an
 * image is shaped, but neither which programs are run for it nor which files are written.
 * @module
 */
import type { BuildOptions, ImageSource } from "../config/options.ts";
import { openValue } from "../config/secrets.ts";
import { HIDDEN, KodenoError } from "../errors.ts";
import type { RecordedBuild } from "../trust/recorded_build.ts";

type Variables = Readonly<Record<string, string>>;

/** Variables of the process that would shape the images, and that a record says in their place. */
const SHAPING =
  /^(?:KO_(?:DEFAULT.*|CONFIG_PATH|DOCKER_REPO|DATA_DATE_EPOCH)|SOURCE_DATE_EPOCH|GOFLAGS)$/;
/** Variables that only choose what go makes. */
const CHOOSING =
  /^(?:CGO_ENABLED|GO(?:OS|ARCH|DEBUG|EXPERIMENT|FIPS140|386|AMD64|ARM|ARM64|MIPS|MIPS64|PPC64|RISCV64|WASM))$/;

/** A build to be done again. */
interface RecordedOptions {
  readonly options: Pick<
    BuildOptions,
    "artifact" | "compression" | "debug" | "delve" | "environment"
  >;
  /** What the record keeps to itself, so that the image may become another one. */
  readonly hidden: readonly string[];
}

/** The options of a record, in an environment. */
export function recordedOptions(
  { parameters, goFlags, settings }: RecordedBuild,
  environment: Variables,
): RecordedOptions {
  const {
    base,
    env,
    imageEnv,
    labels,
    annotations,
    kodataTime,
    compression,
    debugger: debug,
    source: _,
    directory: __,
    package: ___,
    ...shared
  } = parameters;
  const hidden = new Set<string>();
  /** What was hidden is taken from the variable of that name, where there is one. */
  const open = (name: string, value: string): string | undefined => {
    if (!value.includes(HIDDEN)) return value;
    if (environment[name] === undefined) hidden.add(name);
    return environment[name];
  };
  const opened = (values: Variables): Variables =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => {
        const text = open(name, value);
        return text === undefined ? [] : [[name, text]];
      }),
    );
  const { flags, ldflags, gcflags, asmflags, entrypointArgs, user } = shared;
  const lists = { flags, ldflags, gcflags, asmflags, entrypointArgs, user: user ? [user] : [] };
  for (const [name, list] of Object.entries({ base: [base], ...lists })) {
    if (openOnes(list).length < list.length) hidden.add(name);
  }
  const artifact: ImageSource = {
    from: () => "the provenance",
    // Those that read the environment are templates still.
    isTemplate: true,
    values: {
      ...shared,
      flags: openOnes(flags),
      ldflags: openOnes(ldflags),
      gcflags: openOnes(gcflags),
      asmflags: openOnes(asmflags),
      entrypointArgs: openOnes(entrypointArgs),
      user: openOnes(lists.user)[0],
      baseImage: base,
      env: Object.entries(opened(pairsOf(env))).map((pair) => pair.join("=")),
      imageEnv: opened(imageEnv),
      labels: opened(labels),
      annotations: opened(annotations),
    },
  };
  const own = Object.entries(environment).filter(([name]) =>
    !SHAPING.test(name) && !CHOOSING.test(name)
  );
  return {
    options: {
      artifact,
      compression,
      ...(debug === undefined ? {} : { debug: true, delve: delveOf(debug) }),
      environment: {
        ...Object.fromEntries(own),
        ...commonSettings(Object.values(settings)),
        // What "go env -w" has set holds where it is empty.
        GOFLAGS: open("GOFLAGS", goFlags) || " ",
        ...(kodataTime === undefined ? {} : { KO_DATA_DATE_EPOCH: String(kodataTime) }),
      },
    },
    hidden: [...hidden],
  };
}

/** The version of a recorded debugger; of a file there is but the digest. */
function delveOf(debug: string): string {
  const [, version] = /^delve@(.*)$/.exec(debug) ?? [];
  if (version !== undefined) return version;
  const why = `its debugger was a file (${debug}), and only Delve is built again`;
  throw new KodenoError("BAD_OPTION", `Cannot build the image again: ${why}`);
}

/** Those of some texts that nothing was left out of. */
function openOnes(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => !text.includes(HIDDEN));
}

function pairsOf(env: readonly string[]): Variables {
  return Object.fromEntries(env.map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

/** Settings of all platforms that have them; the platforms themselves are said otherwise. */
function commonSettings(all: readonly Variables[]): Variables {
  const pairs = all.flatMap((settings) => Object.entries(settings));
  const values = Map.groupBy(pairs, ([name]) => name);
  return Object.fromEntries(
    [...values].flatMap(([name, [first, ...others]]) => {
      const value = first?.[1] ?? "";
      const isCommon = others.every(([, other]) => other === value);
      return isCommon && CHOOSING.test(name) && !/^GO(?:OS|ARCH)$/.test(name)
        ? [[name, value]]
        : [];
    }),
  );
}

/** Flags that run no program and name no file, for go, the linker and the compiler. */
const PLAIN_FLAG =
  /^--?(?:(?:tags|buildmode|covermode|installsuffix)=.*|(?:a|asan|buildvcs|cover|modcacherw|msan|race|trimpath|v)(?:=\w+)?|mod=(?:readonly|vendor)|pgo=(?:auto|off))$/s;
const PLAIN_LINKER_FLAG = /^--?(?:s|w|X=.*|buildid=.*)$/s;
const PLAIN_COMPILER_FLAG = /^(?:all=)?--?(?:N|B|l(?:=\d)?)$/;
/** A template that is one value, of the environment or checkout of whoever builds. */
const FIELD = /\{\{\s*\.(?:(?:Env|Git|GoEnv)\.\w+|Date|Timestamp)\s*\}\}/g;

/**
 * Refuses what may run programs or write files, and what asks for secrets of the environment, which could
 * come into a message; of a record that nobody known has signed.
 */
export function refusePrograms({ parameters, goFlags }: RecordedBuild, what: string): void {
  const refuse = (name: string, text: string, may = "may run programs"): never => {
    const why = `nobody known has signed it, and its ${name} ${JSON.stringify(text)} ${may}; ` +
      "say with --key FILE who has to have signed it";
    throw new KodenoError("NOT_TRUSTED", `Cannot build by ${what}: ${why}`);
  };
  const { env, flags, ldflags, gcflags, asmflags } = parameters;
  for (const name of Object.keys(pairsOf(env))) if (!CHOOSING.test(name)) refuse("variable", name);
  /** @param pair the name of a flag whose value is the next word */
  const check = (name: string, words: readonly string[], plain: RegExp, pair = /^\b$/) => {
    let isValue = false;
    for (const word of words) {
      const isName: boolean = !isValue && pair.test(word);
      if (!isValue && !isName && !plain.test(word) || word.includes("{{")) refuse(name, word);
      isValue = isName;
    }
  };
  const filled = (list: readonly string[]) =>
    openOnes(list).map((text) => text.replaceAll(FIELD, "x"));
  check("flag", filled(flags), PLAIN_FLAG, /^--?tags$/);
  check("flag", openOnes(goFlags.split(/\s+/)).filter((word) => word !== ""), PLAIN_FLAG);
  check("linker flag", wordsOf(filled(ldflags)), PLAIN_LINKER_FLAG, /^--?X$/);
  check("compiler flag", wordsOf(filled(gcflags)), PLAIN_COMPILER_FLAG);
  check("assembler flag", wordsOf(filled(asmflags)), /^\b$/);
  for (const [template] of JSON.stringify(parameters).matchAll(/\{\{.*?\}\}/g)) {
    const isPlain = template.replace(FIELD, "").replace(/^\{\{\s*\.IMAGE_\w+\s*\}\}$/, "") === "";
    const isOpen = isPlain && openValue(template, "") === "";
    if (!isOpen) refuse("template", template, "may read secrets");
  }
}

/** The words of flags that go gets in one, as it parts them (cmd/internal/quoted). */
function wordsOf(flags: readonly string[]): readonly string[] {
  return [...flags.join(" ").matchAll(/"([^"]*)"|'([^']*)'|[^ \t\r\n]+/g)].map((
    [all, double, single],
  ) => double ?? single ?? all);
}
