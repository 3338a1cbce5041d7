import Foundation
import ModelImport
import TestSupport
import Testing

/// Archives that two readers could understand differently are refused.
@Suite struct HostileArchiveTests {
  private let good: ZipBuilder = {
    let tensor = Pickle.tensor(Pickle.storage(count: 2), shape: [2], strides: [1])
    return ZipBuilder(pickle: Pickle.state(tensor), storages: ["0": [UInt8](repeating: 7, count: 8)])
  }()

  private func error(_ change: (inout ZipBuilder) -> Void) throws -> ImportError? {
    var zip = good
    change(&zip)
    let url = try Fixtures.write(zip.bytes)
    defer { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }
    do {
      _ = try TorchWeights(url)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: ["../../etc/passwd", "/etc/passwd", "archive/../data/1", "archive\\data\\1", "", "archive/\u{1}"])
  func namesThatLeaveTheFolderAreRefused(name: String) throws {
    #expect(try error { $0.entries.append(.init(name: name, bytes: [1])) }?.code == .malformedArchive)
  }

  @Test func entriesThatOverlapOrOccurTwiceAreRefused() throws {
    #expect(try error { _ in } == nil)
    #expect(try error { $0.entries.append($0.entries[1]) }?.code == .malformedArchive)
    let overlap = try error {
      $0.entries[1].claimedOffset = 0
      $0.entries[1].localName = nil
    }
    #expect(overlap?.code == .malformedArchive)
    let nested = try error {
      // The second entry's header lies inside the first one's bytes.
      var inner = ZipBuilder(pickle: [])
      inner.entries = [.init(name: "archive/data/1", bytes: [1, 2, 3, 4])]
      $0.entries.insert(.init(name: "archive/data/2", bytes: inner.bytes), at: 0)
      let offset = UInt32(30 + "archive/data/2".utf8.count)
      $0.entries.append(.init(name: "archive/data/1", bytes: [1, 2, 3, 4], claimedOffset: offset))
    }
    #expect(nested?.message.contains("overlaps") == true)
  }

  @Test func headersThatDisagreeWithTheDirectoryAreRefused() throws {
    #expect(try error { $0.entries[1].localName = "archive/data/9" }?.code == .malformedArchive)
    #expect(try error { $0.entries[1].localLength = 4 }?.code == .malformedArchive)
    #expect(
      try error {
        $0.entries[1].claimedLength = 1_000_000; $0.entries[1].localLength = 0
      }?.code == .truncatedFile)
    #expect(try error { $0.entries[1].claimedOffset = 5 }?.code == .malformedArchive)
    #expect(try error { $0.entries[1].claimedOffset = .max - 1 }?.code == .malformedArchive)
    #expect(try error { $0.entries[1].method = 8 }?.code == .malformedArchive)
    #expect(try error { $0.entries[1].flags = 1 }?.code == .malformedArchive)
    #expect(try error { $0.claimedCount = 60_000 }?.code == .malformedArchive)
  }

  @Test func otherArchivesAreNamed() throws {
    #expect(try error { $0.entries[0].name = "mimetype" }?.code == .unknownFormat)
    #expect(try error { $0.entries.append(.init(name: "other/data.pkl", bytes: [1])) }?.code == .unknownFormat)
    #expect(try error { $0.entries.append(.init(name: "archive/constants.pkl", bytes: [1])) }?.code == .unknownFormat)
    #expect(
      try error { $0.entries.append(.init(name: "archive/byteorder", bytes: Array("big".utf8))) }?.code
        == .unsupportedType)
    #expect(try error { $0.entries.removeLast() }?.code == .malformedArchive)
    #expect(try error { $0.entries[1].bytes.removeLast() }?.code == .truncatedFile)
    #expect(try error { $0.comment = Array("PK\u{5}\u{6}, not the end".utf8) } == nil)
  }

  /// Whatever is changed, the answer is tensors or an error; nothing is read outside the file.
  @Test(arguments: ["features.bin", "features-legacy.bin", "micro-protocol4.bin"])
  func changedBytesNeverDoMoreThanFail(file: String) throws {
    let original = try Fixtures.bytes(file)
    var generator = SeededGenerator(seed: 11)
    let folder = try Fixtures.folder(), url = folder.appending(path: "weights.bin")
    defer { try? FileManager.default.removeItem(at: folder) }
    for _ in 0..<400 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      if Int.random(in: 0..<5, using: &generator) == 0 {
        bytes.removeLast(Int.random(in: 1..<bytes.count, using: &generator))
      }
      try Data(bytes).write(to: url)
      guard let weights = try? TorchWeights(url) else { continue }
      for name in weights.names where (weights.shape(of: name) ?? []).reduce(1, *) < 100_000 {
        _ = try weights.bytes(of: name)
      }
    }
  }
}
