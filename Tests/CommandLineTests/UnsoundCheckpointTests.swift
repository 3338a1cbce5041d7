import Foundation
import Tensors
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Commands refuse weights that are NaN or infinite, and files that change change nothing")
struct UnsoundCheckpointTests {
  private static let goldens = BuiltTool.repository.appending(path: "Tests/UnifiedIOTests/Fixtures/tiny-a")
  private static let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5")

  /// Gives `body` a copy of a folder in which one element of a tensor is NaN.
  private func withNaN(in folder: URL, _ tensor: String, _ body: (URL) throws -> Void) throws {
    try BuiltTool.withFolder { temporary in
      let copy = temporary.appending(path: "model")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
      for name in ["config.json", "model.safetensors", "policy.json", "tokenizer.model"]
      where FileManager.default.fileExists(atPath: folder.appending(path: name).path) {
        try Data(contentsOf: folder.appending(path: name)).write(to: copy.appending(path: name))
      }
      let file = copy.appending(path: "model.safetensors")
      let entry = try #require(try SafetensorsFile(path: file.path).entries[tensor])
      let handle = try FileHandle(forWritingTo: file)
      try handle.seek(toOffset: UInt64(entry.offset))
      try handle.write(contentsOf: Data([0, 0, 0xc0, 0x7f].suffix(entry.type.size)))
      try handle.close()
      try body(copy)
    }
  }

  private func check(_ arguments: [String], _ tensor: String) throws {
    let outcome = try BuiltTool.run(arguments)
    #expect(outcome.status == 65, "\(arguments)")
    #expect(outcome.errors.contains(tensor) && outcome.errors.contains("NaN"), "\(arguments): \(outcome.errors)")
    #expect(outcome.errors.count(where: \.isNewline) == 1)
    #expect(outcome.output.isEmpty)
  }

  @Test func `a checkpoint`() throws {
    let tensor = "decoder.layers_1.mlp.wo.weight"
    try withNaN(in: Self.goldens, tensor) { folder in
      let model = ["--model", folder.path], target = folder.appending(path: "out").path
      let picture = Self.goldens.appending(path: "media/img_480x640.png").path
      for arguments in [
        ["inspect", folder.path], ["generate", "--prompt", "x"] + model,
        ["score", "--prompt", "x", "--option", "a"] + model, ["task", "caption", "--image", picture] + model,
        ["serve", "--bind", "ipc:///tmp/uio2-\(UUID().uuidString.prefix(8))"] + model,
        ["import", folder.appending(path: "model.safetensors").path, target], ["quantize", folder.path, target],
      ] {
        try check(arguments, tensor)
      }
      let left = (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? []
      #expect(!left.contains { $0.contains("safetensors") }, "\(left)")
    }
  }

  @Test func `a policy`() throws {
    let tensor = "encoder.encoder_norm.scale"
    try withNaN(in: Self.policy, tensor) { folder in
      try check(["inspect", folder.path], tensor)
      try check(
        ["serve", "--policy", folder.path, "--bind", "ipc:///tmp/uio2-\(UUID().uuidString.prefix(8))"], tensor)
    }
  }

  @Test func `a policy whose weights are finite and whose answers are not`() throws {
    try BuiltTool.withFolder { temporary in
      let copy = temporary.appending(path: "model")
      try FileManager.default.copyItem(at: Self.policy, to: copy)
      let file = copy.appending(path: "model.safetensors")
      let entry = try #require(try SafetensorsFile(path: file.path).entries["encoder.encoder_norm.scale"])
      #expect(entry.type == .bf16)
      let bits = UInt16(truncatingIfNeeded: Float(3e38).bitPattern >> 16)
      let handle = try FileHandle(forWritingTo: file)
      try handle.seek(toOffset: UInt64(entry.offset))
      try handle.write(
        contentsOf: Data((0..<entry.count).flatMap { _ in [UInt8(truncatingIfNeeded: bits), UInt8(bits >> 8)] }))
      try handle.close()
      let outcome = try BuiltTool.run([
        "serve", "--policy", copy.path, "--bind", "ipc:///tmp/uio2-\(UUID().uuidString.prefix(8))",
      ])
      #expect(outcome.status == 65, "\(outcome)")
    }
  }

  @Test func `a daemon answers as before when its weights are cut short underneath`() throws {
    try BuiltTool.withFolder { temporary in
      let copy = temporary.appending(path: "model"), socket = URL(filePath: "/tmp/uio2-\(UUID().uuidString.prefix(8))")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
      for name in ["config.json", "model.safetensors", "tokenizer.model"] {
        try Data(contentsOf: Self.goldens.appending(path: name)).write(to: copy.appending(path: name))
      }
      let address = "ipc://" + socket.path
      try BuiltTool.running(["serve", "--model", copy.path, "--bind", address], until: socket) { daemon in
        let question = ["ask", "--daemon", address, "--prompt", "What is this?", "--max-tokens", "4"]
        let before = try BuiltTool.run(question)
        #expect(before.status == 0 && !before.output.isEmpty, "\(before.errors)")
        let weights = copy.appending(path: "model.safetensors")
        let handle = try FileHandle(forWritingTo: weights)
        try handle.write(contentsOf: Data(repeating: 0x7f, count: 100_000))
        try handle.truncate(atOffset: 4096)
        try handle.close()
        let after = try BuiltTool.run(question)
        #expect(after.status == 0 && after.output == before.output, "\(after.errors)")
        #expect(daemon.isRunning)
      }
    }
  }

  @Test func `a policy that is quantized stays a policy`() throws {
    try BuiltTool.withFolder { folder in
      let copy = folder.appending(path: "int8")
      let quantize = try BuiltTool.run(["quantize", Self.policy.path, copy.path])
      #expect(quantize.status == 0, "\(quantize.errors)")
      for name in ["policy.json", "tokenizer.model", "config.json", "README.md", "agreement/observations.safetensors"] {
        #expect(
          try Data(contentsOf: copy.appending(path: name)) == Data(contentsOf: Self.policy.appending(path: name)),
          "\(name)")
        #expect(quantize.output.contains(name))
      }
      let inspect = try BuiltTool.run(["inspect", copy.path, "--json"])
      #expect(inspect.status == 0, "\(inspect.errors)")
      let document = try #require(try JSONSerialization.jsonObject(with: Data(inspect.output.utf8)) as? [String: Any])
      let model = try #require(document["model"] as? [String: Any]), types = model["element_types"] as? [String: Int]
      #expect(model["missing"] as? [String] == [])
      #expect((types?["U8"] ?? 0) > 10)
      #expect((document["policy"] as? [String: Any])?["name"] as? String == "metaworld-mt5")
      let original = try BuiltTool.run(["inspect", Self.policy.path, "--json"])
      let other = try #require(try JSONSerialization.jsonObject(with: Data(original.output.utf8)) as? [String: Any])
      #expect((other["model"] as? [String: Any])?["parameters"] as? Int == model["parameters"] as? Int)
    }
  }

  @Test func `a playlist is no film, as far as anyone can see`() throws {
    try BuiltTool.withFolder { folder in
      let script = folder.appending(path: "film.mp4")
      let scenes = BuiltTool.repository.appending(path: "Tests/UnifiedIOTests/Fixtures/media/scenes.mp4").path
      try FileManager.default.copyItem(atPath: scenes, toPath: folder.appending(path: "secret.mp4").path)
      try Data("ffconcat version 1.0\nfile secret.mp4\n".utf8).write(to: script)
      for option in ["--video", "--audio"] {
        let outcome = try BuiltTool.run([
          "generate", "--model", Self.goldens.path, "--prompt", "x", "--max-tokens", "1", option, script.path,
        ])
        #expect(outcome.status == 65 && outcome.output.isEmpty, "\(outcome.errors)")
        #expect(outcome.errors.contains("names other files"), "\(outcome.errors)")
      }
    }
  }
}
