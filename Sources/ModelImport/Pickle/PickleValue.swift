import Tensors

/// What lies on the pickle machine's stack. Containers are numbers into the machine's heap: nothing nests in memory, so no depth of a
/// pickle can overflow our own stack, and cycles cost nothing.
enum PickleValue: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  /// Does not fit 64 bits; little-endian two's complement.
  case long([UInt8])
  case real(Double)
  case string(String)
  case bytes([UInt8])
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(Int)
  case tensor(Int)

  /// In messages.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a truth value"
    case .integer, .long: "an integer"
    case .real: "a floating-point number"
    case .string: "a string"
    case .bytes: "bytes"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .global: "a function or class"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

/// A class of torch that stands for the elements of a storage.
struct StorageType: Hashable, Sendable {
  /// As the pickle names it, without the module.
  let name: String
  /// Bytes of an element.
  let size: Int
  /// `nil` where the numbers are not floating-point numbers that weights are made of.
  let element: ElementType?

  private static let known: [StorageType] = [
    StorageType(name: "FloatStorage", size: 4, element: .f32),
    StorageType(name: "BFloat16Storage", size: 2, element: .bf16),
    StorageType(name: "HalfStorage", size: 2, element: .f16),
    StorageType(name: "DoubleStorage", size: 8, element: nil),
    StorageType(name: "LongStorage", size: 8, element: nil),
    StorageType(name: "IntStorage", size: 4, element: nil),
    StorageType(name: "ShortStorage", size: 2, element: nil),
    StorageType(name: "CharStorage", size: 1, element: nil),
    StorageType(name: "ByteStorage", size: 1, element: nil),
    StorageType(name: "BoolStorage", size: 1, element: nil),
  ]

  static func named(_ name: String) -> StorageType? { known.first { $0.name == name } }
}

/// What a pickle may name; everything else is refused. None of these is a Python function that runs: each stands for a few lines here.
enum PickleGlobal: Hashable, Sendable {
  case orderedDictionary
  case rebuildTensor
  case rebuildTensorV2
  case rebuildParameter
  case rebuildParameterWithState
  case size
  case storage(StorageType)

  static func named(module: String, name: String) -> PickleGlobal? {
    switch (module, name) {
    case ("collections", "OrderedDict"): .orderedDictionary
    case ("torch._utils", "_rebuild_tensor"): .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v2"): .rebuildTensorV2
    case ("torch._utils", "_rebuild_parameter"): .rebuildParameter
    case ("torch._utils", "_rebuild_parameter_with_state"): .rebuildParameterWithState
    case ("torch", "Size"): .size
    case ("torch", _): StorageType.named(name).map { .storage($0) }
    default: nil
    }
  }
}

/// Where a storage's elements are to be found: by key, in a place that the file's format defines.
struct StorageReference: Hashable, Sendable {
  var key: String
  var type: StorageType
  /// Elements of the whole storage.
  var count: Int
  /// Of a view of it (old format): the view's first element and its length.
  var view: Range<Int>
}

/// A tensor over a storage, checked to lie inside it.
struct TensorReference: Hashable, Sendable {
  /// Index into the machine's storages.
  var storage: Int
  /// Elements from the start of the storage.
  var offset: Int
  var shape: [Int]
  /// Elements between neighbours of each dimension; never negative.
  var strides: [Int]
  /// Whether the elements are the storage's with the other sign: torch saves a lazy negation as a mark.
  var isNegated: Bool

  var count: Int { shape.reduce(1, *) }
}
