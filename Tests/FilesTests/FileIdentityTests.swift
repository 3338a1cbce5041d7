import Files
import Foundation
import TestSupport
import Testing

@Suite struct FileIdentityTests {
  @Test func `a file is where it was until it is removed or replaced, whatever is written into it`() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "file").path, other = folder.appending(path: "other").path
      for file in [path, other] { try Data([1]).write(to: URL(filePath: file)) }
      let identity = try #require(FileIdentity(at: path))
      #expect(identity == FileIdentity(following: path))
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.write(contentsOf: Data([7, 7, 7]))
      #expect(identity == FileIdentity(descriptor: handle.fileDescriptor))
      #expect(identity.whereabouts(at: path) == .inPlace)
      #expect(identity.whereabouts(at: path + "/below") == .gone)
      try FileManager.default.removeItem(atPath: path)
      #expect(identity.whereabouts(at: path) == .gone)
      #expect(identity.whereabouts(at: other) == .gone)
    }
  }

  @Test func `where the system does not say, nothing is known`() throws {
    let identity = try #require(FileIdentity(at: "/"))
    #expect(identity.whereabouts(at: "/" + String(repeating: "a", count: 5_000)) == .unknown)
    #expect(FileIdentity(at: "/no/such/file") == nil)
  }
}
