import Foundation
import ModelImport
import Tensors
import Testing

/// Files that the real torch.save wrote hold what torch says they hold.
@Suite struct TorchFileTests {
  @Test(arguments: ["features.bin", "features-legacy.bin"])
  func everyLayoutAndElementTypeIsReadAsTorchReadsIt(file: String) throws {
    let expected = try SafetensorsFile(path: Fixtures.url("features.safetensors").path)
    let found = try TorchWeights(Fixtures.url(file))
    #expect(Set(found.names) == Set(expected.entries.keys))
    for (name, entry) in expected.entries {
      #expect(found.shape(of: name) == entry.shape, "\(name)")
      #expect(try found.bytes(of: name) == (try expected.bytes(name)), "\(name)")
    }
  }

  @Test(arguments: [
    "micro.bin", "micro-legacy.bin", "micro-protocol4.bin", "micro-nested.bin", "micro-parameters.bin",
  ])
  func stateDictionariesAreFoundHoweverTheyWereSaved(file: String) throws {
    let expected = try SafetensorsFile(path: Fixtures.url("micro.safetensors").path)
    let found = try TorchWeights(Fixtures.url(file))
    #expect(Set(found.names) == Set(expected.entries.keys))
    for name in found.names { #expect(try found.bytes(of: name) == (try expected.bytes(name)), "\(name)") }
  }

  @Test(arguments: ["micro.bin", "micro-legacy.bin"])
  func aFileThatWasCutShortIsAnErrorWhereverTheCutIs(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    for length in stride(from: 0, to: bytes.count, by: 211) {
      let url = try Fixtures.write(Array(bytes.prefix(length)))
      defer { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }
      #expect(throws: ImportError.self, "cut at \(length)") { try TorchWeights(url) }
    }
  }

  @Test func whatIsNoFileOfTorchIsSaidToBeNone() throws {
    for bytes in [[], Array("hello".utf8), [UInt8](repeating: 0, count: 5000), try Fixtures.bytes("micro.safetensors")]
    {
      let url = try Fixtures.write(bytes)
      do {
        _ = try TorchWeights(url)
        Issue.record("was read")
      } catch {
        #expect(error.code == .unknownFormat)
      }
    }
  }
}
