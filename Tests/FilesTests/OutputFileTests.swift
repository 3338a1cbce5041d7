import Files
import Foundation
import Synchronization
import TestSupport
import Testing

/// Results on their way into files, links, devices and pipes.
@Suite struct OutputFileTests {
  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func failure(_ body: () throws(FileError) -> Void) -> FileError? {
    do throws(FileError) {
      try body()
      return nil
    } catch {
      return error
    }
  }

  private func names(in folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  private func inode(_ path: String) throws -> UInt64 {
    let number = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? NSNumber
    return try #require(number).uint64Value
  }

  @Test func `a file appears whole, with the folders above it, and nothing beside it`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "new/deeper/result.json").path
      let target = try OutputTarget(path)
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "new").path), "looking changes nothing")
      let file = try OutputFile(target)
      try file.write(Array("hel".utf8))
      #expect(!FileManager.default.fileExists(atPath: path))
      try file.write(Array("lo".utf8))
      try file.publish()
      #expect(try text(path) == "hello")
      #expect(try names(in: folder.appending(path: "new/deeper")) == ["result.json"])
    }
  }

  @Test func `an input and what belongs to it are not replaced, nor is a database`() throws {
    try withTemporaryFolder { folder in
      let input = folder.appending(path: "in"), deeper = input.appending(path: "deeper")
      try FileManager.default.createDirectory(at: deeper, withIntermediateDirectories: true)
      let picture = folder.appending(path: "picture.png"), config = input.appending(path: "config.json")
      let shard = deeper.appending(path: "shard"), blob = folder.appending(path: "blob")
      let database = folder.appending(path: "run.db"), journal = folder.appending(path: "run.db-wal")
      for file in [picture, config, shard, blob, journal] { try Data("old".utf8).write(to: file) }
      try Data("SQLite format 3\0and more".utf8).write(to: database)
      let link = input.appending(path: "weights"), other = folder.appending(path: "other.png")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: blob)
      try FileManager.default.linkItem(at: picture, to: other)
      for file in [picture, other, config, shard, blob, link, database, journal] {
        let error = failure { () throws(FileError) in
          _ = try OutputTarget(file.path, besides: [picture.path, input.path, "/no/such/input"])
        }
        #expect(error?.code == .unwritable && error?.path == file.path, "\(file.path)")
      }
      // Nobody reads these, or nothing is there yet.
      for path in [blob.path, config.path, input.path + "/new.json"] {
        _ = try OutputTarget(path, besides: path.hasSuffix("new.json") ? [input.path] : [])
      }
    }
  }

  @Test func `a folder that takes no files is refused before it would be made`() {
    let error = failure { () throws(FileError) in _ = try OutputTarget("/proc/no-such-folder/film.mp4") }
    #expect(error?.code == .unwritable)
  }

  @Test func `an abandoned file leaves what was there and nothing else`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "result").path
      try Data("old".utf8).write(to: URL(filePath: path))
      do {
        let file = try OutputFile(path: path)
        try file.write(Array("new".utf8))
      }
      #expect(try text(path) == "old")
      #expect(try names(in: folder) == ["result"])
    }
  }

  @Test func `a file keeps its mode, and a new one has the mode of any new file`() throws {
    try withTemporaryFolder { folder in
      let old = folder.appending(path: "old").path, new = folder.appending(path: "new").path
      try Data().write(to: URL(filePath: old))
      chmod(old, 0o640)
      for path in [old, new] { try OutputTarget(path).write(Array("x".utf8)) }
      func mode(_ path: String) throws -> Int {
        let value = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        return try #require(value).intValue
      }
      #expect(try mode(old) == 0o640)
      let mask = umask(0)
      umask(mask)
      #expect(try mode(new) == 0o666 & ~Int(mask))
    }
  }

  @Test func `a link stays a link, and its target is replaced`() throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "elsewhere/real").path, link = folder.appending(path: "link").path
      try FileManager.default.createDirectory(
        atPath: folder.appending(path: "elsewhere").path, withIntermediateDirectories: true)
      // Relative, and by a second link; the first time there is nothing at its end.
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: "second").path, withDestinationPath: "elsewhere/real")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "second")
      for content in ["one", "two"] {
        try OutputTarget(link).write(Array(content.utf8))
        #expect(try text(target) == content)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "second")
      }
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: "loop").path, withDestinationPath: "loop")
      #expect(
        failure { () throws(FileError) in _ = try OutputTarget(folder.appending(path: "loop").path) }?.code
          == .unwritable)
    }
  }

  @Test func `a device is written through and stays a device`() throws {
    let before = try inode("/dev/full")
    let target = try OutputTarget("/dev/full")
    #expect(!target.isReplaceable)
    let error = failure { () throws(FileError) in try target.write(Array("x".utf8)) }
    #expect(error == FileError(.unwritable, "/dev/full", "cannot be written: No space left on device"))
    try OutputTarget("/dev/null").write(Array("x".utf8))
    #expect(try inode("/dev/full") == before)
  }

  @Test func `a pipe is written through, and one that nobody reads is refused at once`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "pipe").path
      #expect(mkfifo(path, 0o600) == 0)
      let error = failure { () throws(FileError) in _ = try OutputTarget(path) }
      #expect(error?.message == "is a pipe that nobody reads")
      let reader = open(path, O_RDONLY | O_NONBLOCK)
      defer { close(reader) }
      try OutputTarget(path).write(Array("through".utf8))
      var buffer = [UInt8](repeating: 0, count: 100)
      let count = read(reader, &buffer, buffer.count)
      #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "through")
      #expect(try names(in: folder) == ["pipe"])
    }
  }

  @Test func `what cannot be written is refused before the work`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "file").path
      try Data().write(to: URL(filePath: file))
      for (path, reason) in [
        ("", "is not the name of a file"), (folder.path, "is a folder and cannot be written to"),
        (file + "/below", "cannot be made: \(file) is a regular file"),
        (folder.path + "/new/", "is the name of a folder"), ("/proc/x", "cannot be made: "),
        (folder.path + "/" + String(repeating: "n", count: 256), "cannot be made: File name too long"),
      ] {
        let error = failure { () throws(FileError) in _ = try OutputTarget(path) }
        #expect(error?.code == .unwritable, "\(path)")
        #expect(error?.message.hasPrefix(reason) == true, "\(path): \(error?.message ?? "accepted")")
      }
      #expect(try names(in: folder) == ["file"])
    }
  }

  @Test func `a file that must not be replaced is not`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "weights").path
      let first = try OutputFile(path: path, existing: .refuse), second = try OutputFile(path: path, existing: .refuse)
      for (file, content) in [(first, "1"), (second, "2")] { try file.write(Array(content.utf8)) }
      try first.publish()
      #expect(failure { () throws(FileError) in try second.publish() }?.message.hasPrefix("exists already") == true)
      #expect(failure { () throws(FileError) in _ = try OutputFile(path: path, existing: .refuse) } != nil)
      #expect(try text(path) == "1")
    }
  }

  @Test func `of two that write the same new file at once, one does`() throws {
    try withTemporaryFolder { folder in
      for round in 0..<200 {
        let path = folder.appending(path: "weights-\(round)").path
        let published = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2) { _ in
          guard let file = try? OutputFile(path: path, existing: .refuse) else { return }
          if (try? file.publish()) != nil { published.add(1, ordering: .relaxed) }
        }
        #expect(published.load(ordering: .relaxed) == 1)
      }
    }
  }

  @Test func `what a killed process left goes with the next one, what a living one writes stays`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "weights").path
      let living = try OutputFile(path: path)
      try living.close()
      let mine = try names(in: folder)
      for name in [".weights.1a2b3c4d.partial", ".other.1a2b3c4d.partial", ".weights.notes.partial"] {
        try Data("x".utf8).write(to: folder.appending(path: name))
      }
      try OutputTarget(path).write([1])
      #expect(
        try names(in: folder) == (mine + [".other.1a2b3c4d.partial", ".weights.notes.partial", "weights"]).sorted())
      try living.publish()
      #expect(try text(path).isEmpty)
    }
  }

  @Test func `a private file is for its user alone, whoever could read the one before`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "token").path
      for _ in 0..<2 {
        let file = try OutputFile(OutputTarget(path), isPrivate: true)
        try file.write([1])
        try file.publish()
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        chmod(path, 0o644)
      }
    }
  }

  @Test func `a file of any size is copied in pieces`() throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "source").path, copy = folder.appending(path: "copy").path
      let bytes = (0..<(3 << 20) + 7).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try Data(bytes).write(to: URL(filePath: source))
      let file = try OutputFile(path: copy)
      try file.write(contentsOf: source)
      try file.publish()
      #expect(try Data(contentsOf: URL(filePath: copy)) == Data(bytes))
      #expect(
        failure { () throws(FileError) in try OutputFile(path: copy).write(contentsOf: folder.path) }?.code
          == .unreadable)
    }
  }

  @Test func `Foundation's errors have the system's words`() {
    for (code, words) in [
      (CocoaError.fileWriteFileExists, "File exists"), (.fileNoSuchFile, "No such file or directory"),
      (.fileWriteUnknown, "the system gives no reason"),
    ] {
      #expect(SystemReason.text(of: CocoaError(code)) == words)
    }
  }

  @Test func `one file under two names is one file`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "a").path, link = folder.appending(path: "b").path
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "a")
      #expect(try OutputTarget(path).isSameFile(as: OutputTarget(link)))
      #expect(try OutputTarget(path).isSameFile(as: OutputTarget(folder.path + "/./a")), "there is no such file yet")
      try OutputTarget(path).write([1])
      #expect(try OutputTarget(path).isSameFile(as: OutputTarget(link)))
      #expect(try !OutputTarget(path).isSameFile(as: OutputTarget(path + "2")))
      #expect(try !OutputTarget("/dev/null").isSameFile(as: OutputTarget("/dev/null")))
    }
  }
}
