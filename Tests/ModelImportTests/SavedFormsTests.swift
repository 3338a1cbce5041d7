import Foundation
import ModelImport
import Tensors
import Testing

/// State dictionaries in the forms that users' files come in; the fixtures are the real torch.save's.
@Suite("Weights are found however they were saved") struct SavedFormsTests {
  private func check(_ file: String, _ expected: String) throws {
    let expected = try SafetensorsFile(path: Fixtures.url(expected).path), found = try TorchWeights(Fixtures.url(file))
    #expect(found.names == expected.entries.keys.sorted())
    for (name, entry) in expected.entries {
      #expect(found.shape(of: name) == entry.shape, "\(name)")
      #expect(try found.bytes(of: name) == expected.bytes(name), "\(name)")
    }
  }

  @Test(arguments: ["signs.bin", "signs-legacy.bin"])
  func `a tensor with the negative bit has the sign that torch shows`(file: String) throws {
    try check(file, "signs.safetensors")
  }

  @Test(arguments: [
    "wrapped-step.bin", "wrapped-random.bin", "wrapped-twice.bin", "prefixed.bin", "prefixed-nested.bin",
  ])
  func `a trainer's wrappers and prefixes are taken off`(file: String) throws { try check(file, "small.safetensors") }

  private func error(_ body: () throws -> Void) -> ImportError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ImportError
    }
  }

  @Test func `two sets of weights are one too many`() {
    let found = error { _ = try TorchWeights(Fixtures.url("ambiguous.bin")) }
    #expect(found?.code == .unknownFormat)
    #expect(found?.message.contains("under model and under module") == true, "\(String(describing: found))")
  }

  /// A tensor of one float whose `_rebuild_tensor_v2` has marks.
  private func marked(_ marks: [UInt8], storage: String = "FloatStorage", bytes: [UInt8]) throws -> URL {
    let arguments = [
      Pickle.storage(type: storage, count: 1), Pickle.integer(0), Pickle.tuple([Pickle.integer(1)]),
      Pickle.tuple([Pickle.integer(1)]), [0x89], Pickle.global("collections", "OrderedDict") + [0x29, 0x52], marks,
    ]
    let call = Pickle.global("torch._utils", "_rebuild_tensor_v2") + Pickle.tuple(arguments) + [0x52]
    return try Fixtures.write(ZipBuilder(pickle: Pickle.state(call), storages: ["0": bytes]).bytes)
  }

  @Test func `marks that are not known are refused by name`() throws {
    func marks(_ name: String, _ isSet: Bool) -> [UInt8] { [0x7d] + Pickle.string(name) + [isSet ? 0x88 : 0x89, 0x73] }
    let one: [UInt8] = [0, 0, 0x80, 0x3f], minusOne: [UInt8] = [0, 0, 0x80, 0xbf]
    #expect(try TorchWeights(marked(marks("neg", true), bytes: one)).bytes(of: "weight") == minusOne)
    for same in [marks("neg", false), marks("weird", false), [0x7d], [0x4e]] {
      #expect(try TorchWeights(marked(same, bytes: one)).bytes(of: "weight") == one)
    }
    for name in ["conj", "weird"] {
      let found = error { _ = try TorchWeights(marked(marks(name, true), bytes: one)) }
      #expect(found?.code == .refused && found?.subject == name)
      #expect(found?.message.contains(".resolve_") == (name == "conj"), "no advice about another mark")
    }
    let integer = error { _ = try TorchWeights(marked(marks("neg", true), storage: "IntStorage", bytes: one)) }
    #expect(integer?.code == .refused)
    #expect(error { _ = try TorchWeights(marked([0x88], bytes: one)) }?.code == .malformedPickle)
  }

  /// `micro.safetensors` under other names.
  private func renamed(_ rename: (String) -> String) throws -> URL {
    let file = try SafetensorsFile(path: Fixtures.url("micro.safetensors").path)
    let url = try Fixtures.folder().appending(path: "weights.safetensors")
    let names = Dictionary(uniqueKeysWithValues: file.entries.keys.map { (rename($0), $0) })
    let writer = try SafetensorsWriter(
      path: url.path,
      tensors: file.entries.map { TensorDescription(name: rename($0.key), type: $0.value.type, shape: $0.value.shape) })
    for tensor in writer.tensors {
      try file.bytes(names[tensor.name] ?? "").withUnsafeBytes { try writer.append($0, to: tensor.name) }
    }
    try writer.finish()
    return url
  }

  private var options: CheckpointImport.Options {
    var options = CheckpointImport.Options()
    options.configuration = Fixtures.url("micro.json")
    return options
  }

  private func checkImported(_ source: URL, _ options: CheckpointImport.Options) throws {
    let folder = try Fixtures.folder(), expected = try SafetensorsFile(path: Fixtures.url("micro.safetensors").path)
    defer { try? FileManager.default.removeItem(at: folder) }
    try CheckpointImport(source, options: options).write(to: folder)
    let checkpoint = try Checkpoint(directory: folder)
    #expect(checkpoint.names == expected.entries.keys.sorted())
    for name in checkpoint.names { #expect(try checkpoint.files[0].bytes(name) == expected.bytes(name)) }
  }

  @Test(arguments: ["model.", "_orig_mod.", "module.", "module._orig_mod.", "model._orig_mod.module."])
  func `prefixes of safetensors files too`(prefix: String) throws {
    try checkImported(renamed { prefix + $0 }, options)
  }

  @Test(arguments: ["policy.", "model.net.", "a.b.c."])
  func `a prefix that is not known is named, not the configuration`(prefix: String) throws {
    let source = try renamed { prefix + $0 }
    let found = error { _ = try CheckpointImport(source, options: options) }
    #expect(found?.code == .missingTensor)
    #expect(found?.message.contains("config.json") == false)
    #expect(
      found?.message.contains("\(prefix.hasPrefix("model.") ? "net." : prefix)text_token_embedder.weight") == true)
  }

  @Test(arguments: ["micro.bin", "micro.safetensors"])
  func `links into a download cache, and its blobs without an extension`(file: String) throws {
    let cache = try Fixtures.folder(), snapshot = cache.appending(path: "snapshots/1234")
    let blobs = cache.appending(path: "blobs"), blob = blobs.appending(path: "9e556afd44213b6b")
    for folder in [snapshot, blobs] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(at: Fixtures.url(file), to: blob)
    try FileManager.default.copyItem(at: Fixtures.url("micro.json"), to: blobs.appending(path: "c0ffee"))
    let name = file.hasSuffix(".bin") ? "pytorch_model.bin" : "model.safetensors"
    for (link, target) in [(name, "9e556afd44213b6b"), ("config.json", "c0ffee"), ("other-name", "9e556afd44213b6b")] {
      try FileManager.default.createSymbolicLink(
        atPath: snapshot.appending(path: link).path, withDestinationPath: "../../blobs/" + target)
    }
    try checkImported(snapshot, CheckpointImport.Options())
    try checkImported(snapshot.appending(path: "other-name"), CheckpointImport.Options())
    try checkImported(blob, options)
  }
}
