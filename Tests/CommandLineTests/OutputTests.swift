import Foundation
import Testing

/// Where results go: standard output whose reader has gone, full disks, links, devices, pipes.
@Suite struct OutputTests {
  private static let policy = "Policies/metaworld-mt5"

  /// A pipe that nobody reads.
  private func brokenPipe() throws -> FileHandle {
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    return pipe.fileHandleForWriting
  }

  @Test(arguments: [["inspect", policy], ["--help"], ["help", "serve"], ["inspect", policy, "--json"]])
  func `a reader that has seen enough is no failure and hears nothing`(arguments: [String]) throws {
    try BuiltTool.withFolder { folder in
      let tool = try LiveTool(arguments, in: folder, standardOutput: brokenPipe())
      #expect(tool.status() == 0)
      #expect(tool.said.isEmpty)
    }
  }

  @Test(arguments: [
    ["inspect", policy], ["--help"], ["--version"],
    [
      "generate", "--model", "Tests/UnifiedIOTests/Fixtures/tiny-a", "--prompt", "x", "--max-tokens", "1",
    ],
  ])
  func `a full disk under standard output is told`(arguments: [String]) throws {
    try BuiltTool.withFolder { folder in
      let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
      let tool = try LiveTool(arguments, in: folder, standardOutput: full)
      #expect(tool.status() == 74)
      #expect(tool.said == "uio2: standard output cannot be written: No space left on device\n")
    }
  }

  @Test(arguments: [
    ["quantize", "Tests/UnifiedIOTests/Fixtures/tiny-a"], ["synthesize", "--size", "tiny"],
    ["import", "Tests/UnifiedIOTests/Fixtures/tiny-a"],
  ])
  func `the limit of a file's size is a failure like any other, and leaves nothing`(arguments: [String]) throws {
    try BuiltTool.withFolder { folder in
      let tool = try BuiltTool.location().path, result = folder.appending(path: "result").path
      let script = "ulimit -f 1; exec '\(tool)' \(arguments.joined(separator: " ")) '\(result)'"
      let outcome = try BuiltTool.run(URL(filePath: "/bin/sh"), ["-c", script])
      #expect(outcome.status == 74, "\(outcome)")
      let left = (try? FileManager.default.subpathsOfDirectory(atPath: result)) ?? []
      #expect(left.allSatisfy { !$0.contains("safetensors") }, "\(left)")
    }
  }

  @Test func `a log that has reached its limit ends no daemon`() throws {
    let socket = "/tmp/uio2-log-\(UUID().uuidString.prefix(8))"
    try BuiltTool.withFolder { folder in
      let tool = try BuiltTool.location().path, log = folder.appending(path: "log").path
      let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"
      // Its first line is one too many.
      let script = """
        ulimit -f 0
        '\(tool)' serve --model \(model) --bind 'ipc://\(socket)' 2>> '\(log)' & daemon=$!
        n=0; while [ ! -S '\(socket)' ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done
        '\(tool)' ask --daemon 'ipc://\(socket)' --prompt x --max-tokens 1 >/dev/null 2>&1; answered=$?
        kill $daemon; wait $daemon; ended=$?
        exit $((answered * 100 + ended))
        """
      let outcome = try BuiltTool.run(URL(filePath: "/bin/bash"), ["-c", script])
      #expect(outcome.status == 0, "\(outcome)")
    }
  }

  @Test func `without standard output nothing is written into another file`() throws {
    try BuiltTool.withFolder { folder in
      let tool = try BuiltTool.location().path, report = folder.appending(path: "report.json").path
      // The shell closes the descriptor; the next file to be opened would get its number.
      let script =
        "exec '\(tool)' parity Tests/UnifiedIOTests/Fixtures/tiny-a --part generate_text --json '\(report)' >&-"
      let outcome = try BuiltTool.run(URL(filePath: "/bin/sh"), ["-c", script])
      #expect(outcome.status == 74)
      #expect(outcome.errors.contains("standard output cannot be written: Bad file descriptor"))
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: report)))
      #expect(json is [String: Any])
    }
  }

  @Test func `a file that cannot be written is refused before the model is loaded`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "file").path
      try Data().write(to: URL(filePath: file))
      // There is no such model: its absence would be told if it were looked for.
      for (option, path) in [("-o", folder.path + "/none.png/"), ("-o", file + "/x.png")] {
        let outcome = try BuiltTool.run([
          "generate", "--model", "/no/model", "--prompt", "x", "--output", "image", option, path,
        ])
        #expect([64, 74].contains(outcome.status), "\(outcome.errors)")
        #expect(!outcome.errors.contains("/no/model"))
      }
      for command in [["parity", "/none"], ["bench", "--size", "tiny", "--cache", "/none"]] {
        let outcome = try BuiltTool.run(command + ["--json", folder.path])
        #expect(outcome.status == 74)
        #expect(outcome.errors == "uio2: unwritable_file: \(folder.path): is a folder and cannot be written to\n")
      }
    }
  }

  @Test func `a device stays a device and its failure is the command's`() throws {
    let outcome = try BuiltTool.run([
      "parity", "Tests/UnifiedIOTests/Fixtures/tiny-a", "--part", "generate_text", "--json", "/dev/full",
    ])
    #expect(outcome.status == 74)
    #expect(outcome.errors == "uio2: unwritable_file: /dev/full: cannot be written: No space left on device\n")
    var status = stat()
    #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  @Test func `a link stays a link and a report on standard output's own file takes nothing away`() throws {
    try BuiltTool.withFolder { folder in
      let real = folder.appending(path: "real.json").path, link = folder.appending(path: "link.json").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: real)
      let parity = ["parity", "Tests/UnifiedIOTests/Fixtures/tiny-a", "--part", "generate_text", "--json"]
      #expect(try BuiltTool.run(parity + [link]).status == 0)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == real)
      let tool = try LiveTool(parity + [folder.appending(path: "stdout").path], in: folder)
      #expect(tool.status() == 0)
      let text = try String(contentsOf: tool.output, encoding: .utf8)
      #expect(text.contains("\"rows\"") && text.contains("tensors within tolerance"))
    }
  }
}
