import Foundation
import Testing

/// `uio2 ask` against a `uio2 serve --model` of the golden checkpoint.
@Suite struct AskCommandTests {
  private static let model = "Tests/UnifiedIOTests/Fixtures/tiny-a"
  private static let image = model + "/media/img_480x640.png"

  /// Gives `body` the address of a daemon that serves the golden checkpoint, and a folder.
  private func withDaemon(_ body: (String, URL) throws -> Void) throws {
    // The address of a local socket holds about 100 bytes; a deep temporary folder would not fit.
    let socket = URL(filePath: "/tmp/uio2-ask-\(UUID().uuidString.prefix(8))")
    let address = "ipc://" + socket.path
    try BuiltTool.withFolder { folder in
      try BuiltTool.running(["serve", "--model", Self.model, "--bind", address], until: socket) { _ in
        try body(address, folder)
      }
    }
  }

  private func json(_ outcome: BuiltTool.Outcome) throws -> [String: Any] {
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  @Test func theDaemonSaysWhatTheModelSaysHere() throws {
    try withDaemon { address, folder in
      let question = ["--image", Self.image, "--prompt", "What is {box} ?", "--box", "10,20,300,400"]
      for sampling in [["--max-tokens", "6"], ["--max-tokens", "5", "--temperature", "2", "--seed", "4"]] {
        let here = try BuiltTool.run(["generate", "--model", Self.model] + question + sampling)
        let there = try BuiltTool.run(["ask", "--daemon", address] + question + sampling)
        #expect(there.status == 0, "\(there.errors)")
        #expect(there.errors.isEmpty)
        #expect(there.output == here.output)
      }
      let report = try json(BuiltTool.run(["ask", "--daemon", address, "--json"] + question))
      #expect(Set(report.keys) == ["task", "answer", "stages"])
      let stages = try #require(report["stages"] as? [String: Double])
      #expect(Set(stages.keys) == ["queue", "decode", "preprocess", "encode", "generate", "post"])
      for (ending, output) in [("png", "image"), ("wav", "audio")] {
        let files = ["here", "there"].map { folder.appending(path: "\($0).\(ending)") }
        let request = ["--prompt", "rain", "--output", output, "--seed", "3"]
        #expect(
          try BuiltTool.run(["generate", "--model", Self.model, "-o", files[0].path] + request).status == 0)
        let outcome = try BuiltTool.run(["ask", "--daemon", address, "-o", files[1].path, "--json"] + request)
        let written = try #require(json(outcome)["written"] as? [String: Any])
        #expect(written["file"] as? String == files[1].path)
        #expect(try Data(contentsOf: files[0]) == Data(contentsOf: files[1]))
      }
    }
  }

  @Test func whatTheDaemonRefusesIsOneLineAndACode() throws {
    try withDaemon { address, _ in
      for (arguments, said) in [
        (["--audio", "Package.swift"], "invalid_audio: generate.audio: "),
        (["--image", "Package.swift"], "invalid_image: Package.swift: "),
        (["--image", "/nowhere.png"], "unreadable_file: /nowhere.png: "),
        (["--image", Self.image, "--box", "700,10,800,20"], "malformed: generate.box: "),
      ] {
        let prompt = arguments.contains("--box") ? "x {box}" : "x"
        let outcome = try BuiltTool.run(["ask", "--daemon", address, "--prompt", prompt] + arguments)
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains(said), "\(outcome.errors)")
        #expect(outcome.errors.count(where: \.isNewline) == 1)
        #expect(outcome.output.isEmpty)
      }
    }
  }

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func aSignalCancelsAndPrintsWhatWasSaid(signal: Int32, expected: Int32) throws {
    // 16 beams take seconds: slow enough to be interrupted.
    try withDaemon { address, folder in
      let output = folder.appending(path: "said")
      var status: Int32 = 0
      // On a fast machine the answer may be complete by then; the signal comes earlier the next time.
      for delay in [0.5, 0.25, 0.12, 0.06, 0.03] where status == 0 {
        try Data().write(to: output)
        let ask = Process()
        ask.executableURL = try BuiltTool.location()
        ask.currentDirectoryURL = BuiltTool.repository
        ask.arguments = ["ask", "--daemon", address, "--prompt", "x", "--beams", "16", "--max-tokens", "60000"]
        ask.standardOutput = try FileHandle(forWritingTo: output)
        ask.standardError = FileHandle.nullDevice
        try ask.run()
        Thread.sleep(forTimeInterval: delay)
        kill(ask.processIdentifier, signal)
        ask.waitUntilExit()
        status = ask.terminationStatus
      }
      #expect(status == expected)
      #expect(try !Data(contentsOf: output).isEmpty)
    }
  }

  @Test func aDaemonThatIsNotThereIsUnavailable() throws {
    let outcome = try BuiltTool.run(
      ["ask", "--daemon", "ipc:///tmp/uio2-nowhere", "--prompt", "x", "--timeout", "0.2"])
    #expect(outcome.status == 69)
    #expect(outcome.errors == "uio2: the daemon did not answer within 0.2 seconds\n")
  }

  @Test(arguments: [
    ["ask"], ["ask", "--prompt", "x", "--box", "1,2,3,4"], ["ask", "--prompt", "x", "--output", "image"],
    ["ask", "--prompt", "x", "-o", "a.png"], ["ask", "--prompt", "x", "--guidance", "1"],
    ["ask", "--prompt", "x", "--output", "image", "-o", "a.wav"], ["ask", "--prompt", "x", "--timeout", "0"],
    ["ask", "--prompt", "x", "--output", "image", "-o", "a.png", "--beams", "2"],
    ["serve", "--policy", "a", "--model", "b"], ["serve", "--tokenizer", "a"],
    ["serve", "--max-batch", "0"],
  ])
  func wrongUsageIsExplained(arguments: [String]) throws {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("Error: "))
  }
}
