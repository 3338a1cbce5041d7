import Foundation
import Testing
import UnifiedIO

@Suite("A vocabulary that is not the checkpoint's is refused") struct OtherVocabularyTests {
  private let folder = Fixtures.url("tiny-a")

  /// The golden vocabulary after `change`, in a folder of its own.
  private func vocabulary(_ change: (inout SentencePieceModel) -> Void) throws -> URL {
    var model = try SentencePieceModel(serialized: Fixtures.bytes("tiny-a/tokenizer.model"))
    change(&model)
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appending(path: "tokenizer.model")
    try Data(model.serialized()).write(to: file)
    return file
  }

  private func error(_ folder: URL, _ tokenizer: URL?) -> ModelError? {
    do {
      _ = try TaskRunner(directory: folder, tokenizer: tokenizer)
      return nil
    } catch {
      return error
    }
  }

  @Test func `the same vocabulary at another place is taken`() throws {
    let same = try vocabulary { _ in }
    defer { try? FileManager.default.removeItem(at: same.deletingLastPathComponent()) }
    #expect(error(folder, same) == nil)
    #expect(error(folder, nil) == nil)
  }

  @Test func `as many pieces that are others`() throws {
    let other = try vocabulary { $0.pieces.swapAt(400, 500) }
    defer { try? FileManager.default.removeItem(at: other.deletingLastPathComponent()) }
    let found = error(folder, other)
    #expect(found?.code == .invalidTokenizer)
    #expect(found?.subject == other.path)
    #expect(found?.message.contains("another vocabulary") == true)
  }

  @Test(arguments: [-1000, -153, 104]) func `more or fewer pieces than the embedding has rows for`(change: Int) throws {
    // 2000 pieces and 1225 of our own, in 3328 rows.
    let other = try vocabulary { model in
      if change < 0 { model.pieces.removeLast(-change) }
      for index in 0..<max(0, change) { model.pieces.append(.init(text: Array("new\(index)".utf8), kind: .normal)) }
    }
    defer { try? FileManager.default.removeItem(at: other.deletingLastPathComponent()) }
    // Without a vocabulary beside the weights that tells.
    let bare = try ChangedCheckpoint.copy(of: folder) { _ in }
    defer { try? FileManager.default.removeItem(at: bare) }
    try FileManager.default.removeItem(at: bare.appending(path: "tokenizer.model"))
    let found = error(bare, other)
    #expect(found?.code == .invalidTokenizer)
    #expect(found?.message.contains("3328 rows") == true, "\(found?.message ?? "taken")")
  }

  @Test(arguments: [-152, 103]) func `a few spare rows are usual`(change: Int) throws {
    let other = try vocabulary { model in
      if change < 0 { model.pieces.removeLast(-change) }
      for index in 0..<max(0, change) { model.pieces.append(.init(text: Array("new\(index)".utf8), kind: .normal)) }
    }
    defer { try? FileManager.default.removeItem(at: other.deletingLastPathComponent()) }
    let bare = try ChangedCheckpoint.copy(of: folder) { _ in }
    defer { try? FileManager.default.removeItem(at: bare) }
    try FileManager.default.removeItem(at: bare.appending(path: "tokenizer.model"))
    #expect(error(bare, other) == nil)
  }
}
