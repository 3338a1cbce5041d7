import Foundation
import ModelImport
import Tensors
import Testing
import UnifiedIO

/// What is imported is a checkpoint that loads and holds the source's numbers.
@Suite struct CheckpointImportTests {
  private func options(_ precision: CheckpointImport.Precision = .keep) -> CheckpointImport.Options {
    var options = CheckpointImport.Options()
    options.precision = precision
    options.configuration = Fixtures.url("micro.json")
    return options
  }

  private func checkEqual(_ folder: URL, _ expected: String) throws {
    let expected = try SafetensorsFile(path: Fixtures.url(expected).path)
    let checkpoint = try Checkpoint(directory: folder)
    #expect(Set(checkpoint.names) == Set(expected.entries.keys))
    for (name, entry) in expected.entries {
      #expect(checkpoint.entry(name)?.type == entry.type, "\(name)")
      #expect(try checkpoint.tensor(name, shape: entry.shape).values == (try expected.tensor(name).values), "\(name)")
    }
  }

  @Test(arguments: [
    ("micro.bin", CheckpointImport.Precision.keep, "micro.safetensors"),
    ("micro-legacy.bin", .f32, "micro.safetensors"),
    ("micro.bin", .bf16, "micro-bf16.safetensors"), ("micro-bf16.bin", .keep, "micro-bf16.safetensors"),
    ("micro.safetensors", .bf16, "micro-bf16.safetensors"), ("micro-parameters.bin", .keep, "micro.safetensors"),
  ])
  func everyTensorArrives(source: String, precision: CheckpointImport.Precision, expected: String) throws {
    let folder = try Fixtures.folder().appending(path: "new/model")
    let plan = try CheckpointImport(Fixtures.url(source), options: options(precision))
    var last: TransferProgress?
    try plan.write(to: folder) {
      #expect($0.bytesWritten > last?.bytesWritten ?? 0)
      last = $0
      return true
    }
    #expect(last?.fraction == 1)
    #expect(last?.bytesTotal == plan.byteCount)
    try checkEqual(folder, expected)
    let model = try UnifiedIOModel(directory: folder)
    let logits = try model.logits(of: [0, 3], given: model.encode(ModelInput(text: [5, 6, 1])))
    #expect(logits.shape == [2, 24])
    #expect(logits.values.allSatisfy { $0.isFinite })
    #expect(throws: ImportError.self) { try plan.write(to: folder) }
  }

  @Test func shardsAndFoldersAreRead() throws {
    let folder = try Fixtures.folder(), second = folder.appending(path: "second")
    try FileManager.default.copyItem(at: Fixtures.url("micro.json"), to: folder.appending(path: "config.json"))
    try FileManager.default.copyItem(at: Fixtures.url("micro.bin"), to: folder.appending(path: "pytorch_model.bin"))
    try Data("pieces".utf8).write(to: folder.appending(path: "tokenizer.model"))
    var options = CheckpointImport.Options()
    options.shardSize = 2000
    try CheckpointImport(folder, options: options).write(to: second)
    #expect(try Checkpoint(directory: second).files.count > 2)
    #expect(try Data(contentsOf: second.appending(path: "tokenizer.model")) == Data("pieces".utf8))
    try checkEqual(second, "micro.safetensors")
    let third = folder.appending(path: "third")
    try CheckpointImport(second).write(to: third)
    try checkEqual(third, "micro.safetensors")
  }

  private func error(_ source: URL, _ options: CheckpointImport.Options) -> ImportError? {
    do {
      _ = try CheckpointImport(source, options: options)
      return nil
    } catch {
      return error
    }
  }

  @Test func tensorsThatDoNotFitTheConfigurationAreNamed() throws {
    func code(_ old: String, _ new: String) throws -> ImportError.Code? {
      let text = try String(contentsOf: Fixtures.url("micro.json"), encoding: .utf8)
      #expect(text.contains(old))
      var options = options()
      options.configuration = try Fixtures.write(Array(text.replacing(old, with: new).utf8), named: "config.json")
      return error(Fixtures.url("micro.bin"), options)?.code
    }
    #expect(try code(#""vocab_size": 24"#, #""vocab_size": 25"#) == .shapeMismatch)
    #expect(try code(#""num_decoder_layers": 1"#, #""num_decoder_layers": 2"#) == .missingTensor)
    #expect(try code(#""qk_norm": true"#, #""qk_norm": false"#) == .surplusTensor)
    #expect(try code(#""vocab_size": 24"#, #""vocab_size": "many""#) == .invalidConfiguration)
    #expect(error(Fixtures.url("integers.bin"), options())?.code == .missingTensor)
    #expect(error(Fixtures.url("micro.bin"), CheckpointImport.Options())?.message.contains("--config") == true)
    #expect(error(Fixtures.url("absent.bin"), options())?.code == .unreadableFile)
    #expect(error(try Fixtures.folder(), options())?.code == .unreadableFile)
    #expect(error(Fixtures.url("hostile-system.bin"), options())?.code == .refused)
  }

  @Test func anImportThatIsStoppedLeavesNoWeights() throws {
    let folder = try Fixtures.folder()
    let plan = try CheckpointImport(Fixtures.url("micro.bin"), options: options())
    do {
      try plan.write(to: folder) { $0.bytesWritten < 1000 }
      Issue.record("was not stopped")
    } catch {
      #expect(error.code == .interrupted)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}
