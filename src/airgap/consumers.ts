/**
 * What those who take images from a registry, or from `kodeno serve`, put in place, and lists of images
 * by digest, as other tools read them. Pure.
 * @module
 */
import { planPush } from "../build/destinations.ts";
import { badValue } from "../config/checks.ts";
import { parsePrefix } from "../config/config.ts";
import { KodenoError } from "../errors.ts";
import { stringify } from "../npm/yaml.ts";
import { nameAndDigest } from "../oci/entries.ts";
import { parseReference, shortName, splitHost } from "../oci/reference.ts";
import { DOCKER_HUB, isLoopback } from "../place/registry/endpoint.ts";

/** Files that send clients of other registries to one; those that may be for any registry first. */
export const MIRROR_FORMS = ["containerd", "k3s", "registries.conf", "idms"] as const;
/** Lists of images. */
export const LIST_FORMS = ["imageslock", "kustomize", "hauler", "zarf"] as const;

type MirrorForm = (typeof MIRROR_FORMS)[number];
type ListForm = (typeof LIST_FORMS)[number];
export type ConsumerForm = MirrorForm | ListForm;

/** Where images are taken from. */
interface MirrorHost {
  readonly isPlain: boolean;
  /** Host and port, and a path where repositories are below one. */
  readonly prefix: string;
}

/** An image that is listed. */
export interface ListedImage {
  /** `NAME:TAG`, or `NAME@DIGEST`. */
  readonly name: string;
  /** What its entry in an archive says, which zarf looks for. */
  readonly entryName: string;
  readonly digest: string;
}

/** A text, and the file that it belongs in, below the folder of its kind. */
export interface ConsumerFile {
  readonly path: string;
  readonly text: string;
}

/** Whether a form is one of {@link MIRROR_FORMS}. */
export function isMirrorForm(form: ConsumerForm): form is MirrorForm {
  return MIRROR_FORMS.some((one) => one === form);
}

/**
 * Reads `[http://|https://]HOST[:PORT][/PATH]`. Where nothing is said it is plain HTTP on this machine,
 * and TLS elsewhere.
 *
 * @throws {KodenoError} `BAD_OPTION`, `BAD_REFERENCE`
 */
export function parseMirrorHost(text: string): MirrorHost {
  const [, scheme, prefix = ""] = /^(?:(https?):\/\/)?(.*?)\/*$/s.exec(text) ?? [];
  const { host } = splitHost(`${prefix}/`);
  if (host === undefined) {
    throw badValue("--host", text, "it has to begin with a host, as 10.0.0.5:5000 does");
  }
  parsePrefix(prefix);
  const isPlain = scheme === undefined ? isLoopback(host.replace(/:\d+$/, "")) : scheme === "http";
  return { isPlain, prefix };
}

/** The registry that a name says, or means. */
export function registryOf(name: string): string {
  return splitHost(shortName(name)).host ?? DOCKER_HUB;
}

/**
 * The files that have a client take what it wants of some registries from a host. Without registries
 * they are for all of them, which not every client knows a word for.
 *
 * @throws {KodenoError} `BAD_OPTION` where it does not
 */
export function mirrorFiles(
  form: MirrorForm,
  registries: readonly string[],
  host: MirrorHost,
): readonly ConsumerFile[] {
  if (registries.length === 0 && (form === "registries.conf" || form === "idms")) {
    const why = "it names registries; say a layout, archive or bundle with their images";
    throw new KodenoError("BAD_OPTION", `Cannot write ${form} for all registries: ${why}`);
  }
  switch (form) {
    case "containerd": {
      const text = hostsToml(host);
      const folders = registries.length > 0 ? registries : ["_default"];
      return folders.map((folder) => ({ path: `${folder}/hosts.toml`, text }));
    }
    case "k3s": {
      const { url, path } = partsOf(host);
      const rewrite = path === "" ? {} : { rewrite: { "^(.*)$": `${path}/$1` } };
      const names = registries.length > 0 ? registries : ["*"];
      const mirrors = names.map((name) => [name, { endpoint: [url], ...rewrite }]);
      return [{ path: "registries.yaml", text: yaml({ mirrors: Object.fromEntries(mirrors) }) }];
    }
    case "registries.conf":
      return [{
        path: "kodeno.conf",
        text: registries.map((one) => registry(one, host)).join("\n"),
      }];
    case "idms": {
      const text = yaml({
        apiVersion: "config.openshift.io/v1",
        kind: "ImageDigestMirrorSet",
        metadata: { name: "kodeno" },
        spec: {
          imageDigestMirrors: registries.map((source) => ({ source, mirrors: [host.prefix] })),
        },
      });
      return [{ path: "idms.yaml", text }];
    }
  }
}

/** A registry whose address has a path is asked below it, where containerd would put `/v2` behind. */
function hostsToml(host: MirrorHost): string {
  const { url, path } = partsOf(host);
  const address = JSON.stringify(path === "" ? url : `${url}/v2/${path}`);
  const more = path === "" ? "" : "override_path = true\n";
  return `server = ${address}\n${more}
[host.${address}]
capabilities = ["pull", "resolve"]
${more}`;
}

function registry(location: string, { prefix, isPlain }: MirrorHost): string {
  return `[[registry]]
location = ${JSON.stringify(location)}

[[registry.mirror]]
location = ${JSON.stringify(prefix)}
${isPlain ? "insecure = true\n" : ""}`;
}

function partsOf({ isPlain, prefix }: MirrorHost): { readonly url: string; readonly path: string } {
  const [host = "", ...path] = prefix.split("/");
  return { url: `${isPlain ? "http" : "https"}://${host}`, path: path.join("/") };
}

/**
 * A list of images by digest. With a host they are named as `kodeno push --to` names them there.
 *
 * @param archive the path of the archive that has them, which zarf then takes them from
 * @throws {KodenoError} `BAD_OPTION` for two images where the form has one of a name
 */
export function imageList(
  form: ListForm,
  images: readonly ListedImage[],
  host: MirrorHost | undefined,
  archive?: string,
): ConsumerFile {
  const places = host === undefined ? [] : planPush(images, { to: host.prefix });
  const all = images.map(({ name, digest }, i) => {
    const own = parseReference(name).name;
    const repository = places[i]?.repository;
    return { name, own, digest, repository, pinned: nameAndDigest(repository ?? own, digest) };
  });
  const pinned = [...new Set(all.map((one) => one.pinned))];
  switch (form) {
    case "imageslock":
      return {
        path: "images.lock.yaml",
        text: yaml({
          apiVersion: "imgpkg.carvel.dev/v1alpha1",
          kind: "ImagesLock",
          images: all.map((one) => ({
            image: one.pinned,
            annotations: { "kbld.carvel.dev/id": one.name },
          })),
        }),
      };
    case "kustomize": {
      const named = new Map<string, (typeof all)[number]>();
      for (const one of all) {
        const other = named.get(one.own);
        if (other === undefined) named.set(one.own, one);
        else if (other.digest !== one.digest) {
          const why =
            `kustomize knows names without tags; say one of ${other.name} and ${one.name}`;
          throw new KodenoError("BAD_OPTION", `Cannot list two images of ${one.own}: ${why}`);
        }
      }
      const entries = [...named.values()].map(({ own, repository, digest }) => ({
        name: own,
        ...(repository === undefined ? {} : { newName: repository }),
        digest,
      }));
      const head = { apiVersion: "kustomize.config.k8s.io/v1alpha1", kind: "Component" };
      return { path: "kustomization.yaml", text: yaml({ ...head, images: entries }) };
    }
    case "hauler":
      return {
        path: "images.yaml",
        text: yaml({
          apiVersion: "content.hauler.cattle.io/v1",
          kind: "Images",
          metadata: { name: "kodeno" },
          spec: { images: pinned.map((name) => ({ name })) },
        }),
      };
    case "zarf": {
      const names = [...new Set(images.map((one) => one.entryName))];
      const component = archive === undefined || host !== undefined
        ? { images: pinned }
        : { imageArchives: [{ path: archive, images: names }] };
      return {
        path: "zarf.yaml",
        text: yaml({
          kind: "ZarfPackageConfig",
          metadata: { name: "kodeno" },
          components: [{ name: "images", required: true, ...component }],
        }),
      };
    }
  }
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
