import assert from "node:assert/strict";
import { LayerFiles, pathInImage, whiteoutOf } from "./layer_files.ts";

/** What layers leave, of paths that end in a slash where they are folders; each with its layer's number. */
function left(...layers: readonly (readonly string[])[]): readonly string[] {
  const files = new Map<string, number>();
  for (const [i, paths] of layers.entries()) {
    const layer = new LayerFiles<number>();
    for (const one of paths) {
      const path = pathInImage(one);
      layer.see(path, one.endsWith("/"));
      if (whiteoutOf(path) === undefined) layer.set(path, i);
    }
    layer.putOn(files);
  }
  return [...files].map(([path, i]) => `${path} ${i}`).sort();
}

Deno.test("layer files: a layer replaces, and takes away of those below it alone", () => {
  assert.deepEqual(left(["a", "./b", "/c/"], ["b"]), ["/a 0", "/b 1", "/c 0"]);
  assert.deepEqual(left(["a/x", "b"], ["a/y", "a/.wh.x", ".wh.b"]), ["/a/y 1"]);
  // What the same layer has stays, in whatever order its entries are.
  assert.deepEqual(left(["a/x", "a/z/q"], ["a/y", "a/.wh..wh..opq"]), ["/a/y 1"]);
  assert.deepEqual(left(["a/x", "b"], [".wh..wh..opq", "c"]), ["/c 1"]);
  assert.deepEqual(left(["a/x", "b"], [".wh.a", "a/", ".wh.b", "b"]), ["/a 1", "/b 1"]);
  assert.deepEqual(left(["a/x/y", "ab"], [".wh.a"]), ["/ab 0"]);
});

Deno.test("layer files: a file stands in the place of a folder, and a folder in that of a file", () => {
  assert.deepEqual(left(["a/", "a/x"], ["a"]), ["/a 1"]);
  assert.deepEqual(left(["a"], ["a/", "a/x"]), ["/a 1", "/a/x 1"]);
  assert.deepEqual(left(["a/", "a/x"], ["a/"]), ["/a 1", "/a/x 0"]);
});

Deno.test("layer files: paths from the root", () => {
  assert.equal(pathInImage("./"), "/");
  assert.equal(pathInImage("../../etc/passwd"), "/etc/passwd");
  assert.equal(pathInImage("Files/ko-app/app.exe"), "/ko-app/app.exe");
  assert.equal(whiteoutOf("/a/.wh.b")?.path, "/a/b");
  assert.equal(whiteoutOf("/a/.whb"), undefined);
});
