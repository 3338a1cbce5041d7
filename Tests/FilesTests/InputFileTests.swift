import Files
import Foundation
import TestSupport
import Testing

/// Files that a user names, read whole.
@Suite struct InputFileTests {
  private func failure(_ path: String, limit: Int = InputFile.standardLimit) -> FileError? {
    do throws(FileError) {
      _ = try InputFile.bytes(of: path, limit: limit)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 200_000]) func `a file is read whole`(count: Int) throws {
    try withTemporaryFolder { folder in
      var random = SeededGenerator(seed: UInt64(count))
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      let path = folder.appending(path: "file").path
      try Data(bytes).write(to: URL(filePath: path))
      #expect(try InputFile.bytes(of: path) == bytes)
      if count > 0 { #expect(failure(path, limit: count - 1)?.message.contains("at most \(count - 1)") == true) }
    }
  }

  @Test func `a file of the kernel says that it is empty and is read all the same`() throws {
    #expect(try !InputFile.bytes(of: "/proc/self/status").isEmpty)
    #expect(failure("/proc/self/status", limit: 10)?.code == .unreadable)
  }

  @Test func `a pipe, a device and a folder are refused at once`() throws {
    try withTemporaryFolder { folder in
      let pipe = folder.appending(path: "pipe").path
      #expect(mkfifo(pipe, 0o600) == 0)
      for (path, words) in [(pipe, "a pipe"), ("/dev/zero", "a device"), (folder.path, "a folder")] {
        #expect(failure(path)?.message == "is \(words); a regular file is expected")
      }
      #expect(failure(folder.path + "/x")?.message == "cannot be read: No such file or directory")
    }
  }
}
