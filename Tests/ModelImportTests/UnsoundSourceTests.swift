import Foundation
import ModelImport
import Tensors
import Testing
import UnifiedIO

/// Sources with weights that are not finite, or that change while they are read.
@Suite("What is not sound is not written") struct UnsoundSourceTests {
  private static let tensor = "encoder.layers_0.mlp.wo.weight"

  /// `micro.safetensors` with one element replaced, and `config.json` beside it.
  private func source(_ value: Float, at index: Int) throws -> URL {
    let folder = try Fixtures.folder(), url = folder.appending(path: "model.safetensors")
    var data = try Data(contentsOf: Fixtures.url("micro.safetensors"))
    let entry = try #require(try SafetensorsFile(path: Fixtures.url("micro.safetensors").path).entries[Self.tensor])
    withUnsafeBytes(of: value) {
      data.replaceSubrange(entry.offset + 4 * index..<entry.offset + 4 * index + 4, with: $0)
    }
    try data.write(to: url)
    try FileManager.default.copyItem(at: Fixtures.url("micro.json"), to: folder.appending(path: "config.json"))
    return folder
  }

  private func error(_ body: () throws -> Void) -> ImportError? {
    do {
      try body()
      return nil
    } catch {
      return error as? ImportError
    }
  }

  private func checkNoWeights(in folder: URL) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!files.contains { $0.contains("safetensors") }, "\(files)")
  }

  @Test(arguments: [CheckpointImport.Precision.keep, .bf16, .f32])
  func `an import refuses NaN and infinities by tensor and place`(precision: CheckpointImport.Precision) throws {
    for value in [Float.nan, .infinity, -.infinity] {
      let target = try Fixtures.folder()
      var options = CheckpointImport.Options()
      options.precision = precision
      let found = error { try CheckpointImport(source(value, at: 16 * 5 + 2), options: options).write(to: target) }
      #expect(found?.code == .nonFinite)
      #expect(found?.subject == Self.tensor)
      #expect(found?.message.contains("[5, 2]") == true, "\(found?.message ?? "")")
      try checkNoWeights(in: target)
    }
  }

  @Test func `a number that bfloat16 cannot hold is not made an infinity`() throws {
    var options = CheckpointImport.Options()
    options.precision = .bf16
    let target = try Fixtures.folder(), folder = try source(.greatestFiniteMagnitude, at: 3)
    let found = error { try CheckpointImport(folder, options: options).write(to: target) }
    #expect(found?.code == .nonFinite && found?.subject == Self.tensor)
    #expect(found?.message.contains("too large for BF16") == true)
    try checkNoWeights(in: target)
    try CheckpointImport(folder).write(to: target)
  }

  @Test func `quantizing refuses them too`() throws {
    let found = error { _ = try CheckpointQuantization(source(.nan, at: 16 * 5 + 2)) }
    #expect(found?.subject == Self.tensor)
    #expect(found?.message.contains("[5, 2]") == true)
  }

  @Test(arguments: [true, false]) func `a source that is written to meanwhile`(isImport: Bool) throws {
    let folder = try source(1, at: 0), target = try Fixtures.folder(), url = folder.appending(path: "model.safetensors")
    // A moment that no file system's clock takes for this one.
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: url.path)
    func touch(_ progress: TransferProgress) -> Bool {
      guard let handle = try? FileHandle(forWritingTo: url) else { return false }
      return (try? handle.seekToEnd()) != nil
        && (try? handle.seek(toOffset: progress.fraction < 1 ? 9000 : 9001)) != nil
        && (try? handle.write(contentsOf: Data([0]))) != nil
    }
    let found = error {
      if isImport {
        try CheckpointImport(folder).write(to: target, progress: touch)
      } else {
        try CheckpointQuantization(folder).write(to: target, progress: touch)
      }
    }
    #expect(found?.code == ImportError.Code(rawValue: "changed_file"), "\(String(describing: found))")
    try checkNoWeights(in: target)
  }

  @Test func `a source that is cut short meanwhile`() throws {
    let folder = try source(1, at: 0), target = try Fixtures.folder(), url = folder.appending(path: "model.safetensors")
    let plan = try CheckpointImport(folder)
    let found = error {
      try plan.write(to: target) { _ in
        (try? FileHandle(forWritingTo: url).truncate(atOffset: 4000)) != nil
      }
    }
    #expect(found?.code == .truncatedFile, "\(String(describing: found))")
    try checkNoWeights(in: target)
  }

  @Test func `a vocoder's weights are looked at as well`() throws {
    let folder = try Fixtures.folder().appending(path: "vocoder")
    try FileManager.default.copyItem(at: Fixtures.url("vocoder/double"), to: folder)
    let url = folder.appending(path: "model.safetensors")
    let entry = try #require(try SafetensorsFile(path: url.path).entries["conv_post.bias"])
    var data = try Data(contentsOf: url)
    data.replaceSubrange(
      entry.offset..<entry.offset + entry.type.size, with: [0, 0, 0xc0, 0x7f].suffix(entry.type.size))
    try data.write(to: url)
    let found = error { _ = try Vocoder(contentsOf: folder) }
    #expect(found?.code == .nonFinite && found?.subject == "conv_post.bias")
  }
}
