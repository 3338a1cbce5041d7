import Tensors

/// The tensors of a file that torch.save wrote, in either of its formats, found without running anything.
struct TorchFile {
  /// A tensor over bytes of the file.
  struct Tensor: Hashable, Sendable {
    var type: StorageType
    var shape: [Int]
    /// Elements between neighbours of each dimension.
    var strides: [Int]
    /// Byte of the file at which the first element lies.
    var offset: Int
    /// Whether the elements have the other sign than their bytes say.
    var isNegated: Bool

    /// The product of ``shape``.
    var count: Int { shape.reduce(1, *) }
    /// Bytes of the file from the first element to the last one, wherever they lie between.
    var range: Range<Int> {
      guard count > 0 else { return offset..<offset }
      let reach = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      return offset..<offset + (reach + 1) * type.size
    }
    /// Whether the elements lie side by side, row-major.
    var isContiguous: Bool {
      var expected = 1
      for (size, stride) in zip(shape, strides).reversed() where size != 1 {
        if stride != expected { return false }
        expected *= size
      }
      return true
    }
  }

  let file: FileBytes
  private(set) var tensors: [String: Tensor] = [:]

  /// - Throws: ``ImportError``; whatever the pickle asks for beyond a state dictionary is refused by name.
  init(_ file: FileBytes) throws(ImportError) {
    self.file = file
    var machine = PickleMachine(path: file.path)
    let root: PickleValue
    let places: [String: StoragePlace]
    if ZipArchive.matches(file) {
      (root, places) = try TorchArchive.read(file, &machine)
    } else {
      (root, places) = try LegacyTorchFormat.read(file, &machine)
    }
    for (name, index) in try StateDictionary(machine, root).tensors {
      let reference = machine.tensors[index], storage = machine.storages[reference.storage]
      guard let place = places[storage.key] else {
        throw ImportError(
          .malformedArchive, name.asQuoted, "lies in storage \(storage.key.asQuoted), which \(file.path) does not hold")
      }
      // The reference was checked against the storage's claimed length; the claim is checked against the file here.
      guard storage.count <= place.length / storage.type.size else {
        throw ImportError(
          .truncatedFile, name.asQuoted,
          "lies in a storage of \(storage.count) elements, of which \(file.path) holds \(place.length) bytes")
      }
      tensors[name] = Tensor(
        type: storage.type, shape: reference.shape, strides: reference.strides,
        offset: place.offset + (storage.view.lowerBound + reference.offset) * storage.type.size,
        isNegated: reference.isNegated)
    }
  }
}

/// Bytes of a file that a storage's elements are.
typealias StoragePlace = ZipArchive.Entry

/// The zip format: `NAME/data.pkl` and one entry a storage, `NAME/data/KEY`.
enum TorchArchive {
  static func read(
    _ file: FileBytes, _ machine: inout PickleMachine
  ) throws(ImportError) -> (PickleValue, [String: StoragePlace]) {
    let archive = try ZipArchive(file)
    let pickles = archive.entries.keys.filter { $0.split(separator: "/").count == 2 && $0.hasSuffix("/data.pkl") }
    guard let pickle = pickles.first, pickles.count == 1, let entry = archive.entries[pickle] else {
      throw ImportError(
        .unknownFormat, file.path,
        "is a zip archive, but not one of torch.save: it has \(pickles.count) entries NAME/data.pkl")
    }
    let prefix = pickle.dropLast("data.pkl".count)
    guard archive.entries[prefix + "constants.pkl"] == nil else {
      throw ImportError(
        .unknownFormat, file.path, "is a TorchScript program, not a state dictionary; save state_dict() instead")
    }
    if let order = archive.entries[prefix + "byteorder"] {
      var cursor = ByteCursor(file, order.range)
      guard order.length == 6, try cursor.bytes(6) == Array("little".utf8) else {
        throw ImportError(.unsupportedType, file.path, "was written on a big-endian machine")
      }
    }
    var cursor = ByteCursor(file, entry.range)
    let root = try machine.run(&cursor)
    var places: [String: StoragePlace] = [:]
    for storage in machine.storages { places[storage.key] = archive.entries["\(prefix)data/\(storage.key)"] }
    return (root, places)
  }
}

/// The format before torch 1.6: pickles one after the other (magic number, protocol, system, object, keys), then the storages, each
/// behind its number of elements.
enum LegacyTorchFormat {
  /// 0x1950a86a20f9469cfc6c, little-endian.
  private static let magic: [UInt8] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]

  static func read(
    _ file: FileBytes, _ machine: inout PickleMachine
  ) throws(ImportError) -> (PickleValue, [String: StoragePlace]) {
    var cursor = ByteCursor(file, 0..<file.count)
    try checkMagic(&cursor, &machine)
    guard case .integer(1001) = try machine.run(&cursor) else {
      throw ImportError(.unknownFormat, file.path, "was written by an unknown version of torch.save")
    }
    try checkSystem(try machine.run(&cursor), machine, file.path)
    let root = try machine.run(&cursor)
    // The object's storages; the next pickle holds nothing but keys.
    var types: [String: StorageReference] = [:]
    for storage in machine.storages {
      if let other = types[storage.key], other.type != storage.type || other.count != storage.count {
        throw ImportError(.malformedPickle, file.path, "describes storage \(storage.key.asQuoted) in two ways")
      }
      types[storage.key] = storage
    }
    guard case .list(let keys) = try machine.run(&cursor) else {
      throw ImportError(.malformedPickle, file.path, "has no list of storages behind the object")
    }
    var places: [String: StoragePlace] = [:]
    for key in machine.lists[keys] {
      guard case .string(let key) = key, let storage = types[key], places[key] == nil else {
        throw ImportError(.malformedPickle, file.path, "lists a storage that no tensor lies in, or lists one twice")
      }
      let count = try cursor.integer(Int64.self)
      guard count == storage.count else {
        throw ImportError(
          .malformedPickle, key.asQuoted, "has \(storage.count) elements in the pickle and \(count) in \(file.path)")
      }
      let length = storage.count * storage.type.size
      places[key] = StoragePlace(offset: cursor.offset, length: length)
      try cursor.skip(length)
    }
    return (root, places)
  }

  private static func checkMagic(_ cursor: inout ByteCursor, _ machine: inout PickleMachine) throws(ImportError) {
    var found: PickleValue = .none, first = cursor
    let isPickle = (try? first.integer(UInt8.self)) == PickleOpcode.protocol.rawValue
    do throws(ImportError) {
      found = try machine.run(&cursor)
    } catch {
      // What is no pickle at all is said to be none below; what a pickle asks for is worth telling.
      if isPickle, error.code == .refused { throw error }
    }
    guard case .long(let number) = found, number == magic else {
      throw ImportError(
        .unknownFormat, cursor.file.path,
        "is no file of torch.save (neither a zip archive nor the older format) and no safetensors file")
    }
  }

  private static func checkSystem(
    _ value: PickleValue, _ machine: PickleMachine, _ path: String
  ) throws(ImportError) {
    guard case .dictionary(let index) = value else { return }
    for (key, value) in machine.dictionaries[index] {
      if case .string("little_endian") = key, case .bool(false) = value {
        throw ImportError(.unsupportedType, path, "was written on a big-endian machine")
      }
    }
  }
}
