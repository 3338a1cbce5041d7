/// How the numbers of a stored tensor are written.
public enum ElementType: String, Sendable, Hashable {
  case f32 = "F32"
  case bf16 = "BF16"
  case f16 = "F16"
  case i32 = "I32"
  case i64 = "I64"
  case u8 = "U8"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .f32, .i32: 4
    case .bf16, .f16: 2
    case .i64: 8
    case .u8: 1
    }
  }
}
