import Foundation
import ModelImport
import Testing

/// Files that were made to do harm are refused, with the name of what they ask for.
@Suite struct HostileFileTests {
  private func error(_ url: URL) -> ImportError? {
    do {
      _ = try TorchWeights(url)
      return nil
    } catch {
      return error
    }
  }

  private func error(_ zip: ZipBuilder) throws -> ImportError? {
    let url = try Fixtures.write(zip.bytes)
    defer { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }
    return error(url)
  }

  private func error(pickle: [UInt8], storages: [String: [UInt8]] = [:]) throws -> ImportError? {
    try error(ZipBuilder(pickle: pickle, storages: storages))
  }

  @Test(arguments: [
    ("hostile-system.bin", "posix.system"), ("hostile-system-legacy.bin", "posix.system"),
    ("hostile-object.bin", "__main__.Plain"), ("hostile-module.bin", "torch.nn.modules.linear.Linear"),
  ])
  func codeIsRefusedByName(file: String, name: String) {
    let error = error(Fixtures.url(file))
    #expect(error?.code == .refused)
    #expect(error?.subject == name)
    #expect(!FileManager.default.fileExists(atPath: "/tmp/uio2-was-here"))
  }

  @Test(arguments: [
    ("builtins", "eval"), ("torch", "load"), ("torch.serialization", "load"), ("collections", "namedtuple"),
    ("torch._utils", "_rebuild_sparse_tensor"), ("torch", "FloatStorage.__init__"), ("os", "system\u{1b}[31m"),
  ])
  func namesBesideTheListAreRefused(module: String, name: String) throws {
    for call in [Pickle.global(module, name), Pickle.string(module) + Pickle.string(name) + [0x93]] {
      let error = try error(pickle: [0x80, 4] + call + [0x2e])
      #expect(error?.code == .refused)
      #expect(error?.subject.contains("\u{1b}") == false)
    }
  }

  @Test(
    arguments: [("NEWOBJ", 0x81), ("INST", 0x69), ("OBJ", 0x6f), ("EXT1", 0x82), ("PERSID", 0x50)] as [(String, UInt8)])
  func opcodesThatMakeObjectsAreRefused(name: String, code: UInt8) throws {
    let error = try error(pickle: [0x80, 2, 0x29, 0x29, code])
    #expect(error?.code == .refused)
    #expect(error?.subject == name)
  }

  @Test func storagesAreNotCalledAndNothingIsBuiltUponTensors() throws {
    #expect(try error(pickle: Pickle.global("torch", "FloatStorage") + [0x29, 0x52, 0x2e])?.code == .refused)
    let tensor = Pickle.tensor(Pickle.storage(count: 1), shape: [1], strides: [1])
    let built = try error(pickle: Pickle.state(tensor + [0x7d, 0x62]), storages: ["0": [0, 0, 0, 0]])
    #expect(built?.code == .refused)
  }

  @Test func depthAndCyclesDoNoHarm() throws {
    let deep = [UInt8](repeating: 0x28, count: 200_000) + [UInt8](repeating: 0x74, count: 200_000) + [0x2e]
    #expect(try error(pickle: deep)?.code == .unknownFormat)
    let lists = [UInt8](repeating: 0x5d, count: 200_000) + [UInt8](repeating: 0x61, count: 199_999) + [0x2e]
    #expect(try error(pickle: lists)?.code == .unknownFormat)
    // d = {}; d['state_dict'] = d
    let cycle = [0x7d, 0x71, 0] + Pickle.string("state_dict") + [0x68, 0, 0x73, 0x2e]
    #expect(try error(pickle: cycle)?.code == .unknownFormat)
  }

  @Test func memoBombsStaySmall() throws {
    // Each list holds the one before twice: two to the thousandth elements, if anybody counted them.
    var bomb: [UInt8] = [0x80, 2, 0x5d, 0x71, 0]
    for _ in 0..<1000 { bomb += [0x5d, 0x28, 0x68, 0, 0x68, 0, 0x65, 0x71, 0] }
    #expect(try error(pickle: bomb + [0x2e])?.code == .malformedPickle)
    // Memo places far apart take no room.
    #expect(try error(pickle: [0x4e, 0x72, 0xff, 0xff, 0xff, 0xff, 0x2e])?.code == .unknownFormat)
    // A long list that is made into a dictionary again and again.
    var copies = Pickle.global("collections", "OrderedDict") + [0x71, 0, 0x30, 0x5d, 0x28]
    for _ in 0..<20_000 { copies += [0x29, 0x29, 0x86] }
    copies += [0x65, 0x85, 0x71, 1, 0x30]
    for _ in 0..<100_000 { copies += [0x68, 0, 0x68, 1, 0x52, 0x30] }
    #expect(try error(pickle: copies + [0x4e, 0x2e])?.message.contains("pairs") == true)
    // A string that claims to be longer than the file, or than any string.
    #expect(try error(pickle: [0x58, 0xff, 0xff, 0xff, 0xff])?.code == .truncatedFile)
    #expect(try error(pickle: [0x8d] + [UInt8](repeating: 0xff, count: 8))?.code == .malformedPickle)
  }

  @Test func stackAndMemoAreGuarded() throws {
    for pickle: [UInt8] in [
      [0x2e], [0x30], [0x31], [0x74], [0x65], [0x85], [0x87], [0x52], [0x62], [0x51], [0x32, 0x2e], [0x61], [0x73],
      [0x4e, 0x28, 0x85], [0x28, 0x28, 0x74, 0x2e], [0x68, 9], [0x71, 0], [0x4e, 0x4e, 0x2e], [0x4e, 0x28, 0x2e],
      [0x4e, 0x4e, 0x61], [0x7d, 0x28, 0x4e, 0x75], [0x4e, 0x4e, 0x93], [0x4e, 0x4e, 0x52], [0x29, 0x51], [0x80, 9],
    ] {
      let code = try error(pickle: pickle)?.code
      #expect(code == .malformedPickle || code == .refused, "\(pickle)")
    }
  }

  @Test(
    arguments: [
      (0, [3], [1], 2), (1, [2], [1], 2), (0, [2, 2], [2, 1], 3), (0, [2], [Int.max], 2), (Int.max, [1], [1], 2),
      (0, [1 << 40, 1 << 40], [0, 0], 2), (0, [2], [1], 1 << 62), (0, [2], [1], 3), (-1, [1], [1], 2),
      (0, [-1], [1], 2),
      (0, [1], [-1], 2), (0, [2], [1, 1], 2), (0, [Int](repeating: 1, count: 17), [Int](repeating: 1, count: 17), 2),
    ] as [(Int, [Int], [Int], Int)])
  func tensorsThatLeaveTheirStorageAreRefused(offset: Int, shape: [Int], strides: [Int], count: Int) throws {
    let tensor = Pickle.tensor(Pickle.storage(count: count), offset: offset, shape: shape, strides: strides)
    let error = try error(pickle: Pickle.state(tensor), storages: ["0": [UInt8](repeating: 0, count: 8)])
    #expect(error?.code == .malformedPickle || error?.code == .truncatedFile)
  }

  @Test func aGoodArchiveOfOurOwnMakingIsRead() throws {
    let tensor = Pickle.tensor(Pickle.storage(count: 2), offset: 1, shape: [1], strides: [1])
    let url = try Fixtures.write(
      ZipBuilder(pickle: Pickle.state(tensor), storages: ["0": [0, 0, 0, 0, 1, 2, 3, 4]]).bytes)
    #expect(try TorchWeights(url).bytes(of: "weight") == [1, 2, 3, 4])
  }
}
