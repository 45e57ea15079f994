/**
 * Capabilities to bytes, against those that setcap(8) writes.
 * @module
 */
import assert from "node:assert/strict";
import { needs } from "../../test/parts/tools.ts";
import { failsWith } from "../../test/support/fails.ts";
import { succeed } from "../../test/support/process.ts";
import { capabilityAttribute } from "./binary_layer.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes?.toHex();

Deno.test("capabilities: terms to the kernel's bytes", () => {
  const cases: readonly (readonly [terms: readonly string[], expected: string | undefined])[] = [
    [[], undefined],
    [["net_bind_service"], "00000002 00040000 00000000 00000000 00000000"],
    [["CAP_NET_BIND_SERVICE"], "00000002 00040000 00000000 00000000 00000000"],
    [["10"], "00000002 00040000 00000000 00000000 00000000"],
    [["chown,kill=pe"], "01000002 21000000 00000000 00000000 00000000"],
    [["checkpoint_restore+i"], "00000002 00000000 00000000 00000000 00010000"],
    [["=p"], "00000002 ffffffff 00000000 ff010000 00000000"],
    [["all"], "00000002 ffffffff 00000000 ff010000 00000000"],
    [["chown", "kill", "chown-p"], "00000002 20000000 00000000 00000000 00000000"],
    [["chown=p", "chown="], undefined],
  ];
  for (const [terms, expected] of cases) {
    assert.equal(hex(capabilityAttribute(terms)), expected?.replaceAll(" ", ""), terms.join(" "));
  }
});

Deno.test("capabilities: what there is not is refused", async () => {
  for (const term of ["sys_magic", "64", "chown=px", "", "+p", "chown,=p"]) {
    await failsWith("BAD_OPTION", () => capabilityAttribute([term]), /^Cannot use capability /);
  }
});

Deno.test({
  name: "capabilities: the same bytes as setcap writes",
  ...needs("setcap"),
  fn: async () => {
    const file = await Deno.makeTempFile();
    try {
      for (const clause of ["cap_net_raw,cap_chown=pe", "cap_setuid+pi", "cap_bpf,cap_kill=eip"]) {
        await succeed("setcap", [clause, file]);
        const script =
          "import os, sys; print(os.getxattr(sys.argv[1], 'security.capability').hex())";
        const theirs = await succeed("python3", ["-c", script, file]);
        assert.equal(hex(capabilityAttribute([clause])), theirs.trim(), clause);
      }
    } finally {
      await Deno.remove(file);
    }
  },
});
