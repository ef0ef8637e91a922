// The two things of Bun that beads-workflows uses: a process with streams, a file with a size.
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { Readable } from "node:stream";

export default {
  spawn([command, ...given], { cwd } = {}) {
    const child = spawn(command, given, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    return {
      stdout: Readable.toWeb(child.stdout),
      stderr: Readable.toWeb(child.stderr),
      exited: new Promise((resolve) => child.on("close", resolve)),
    };
  },
  file: (path) => ({ size: statSync(path).size }),
};
