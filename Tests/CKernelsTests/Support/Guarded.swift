import Testing

/// An array for C between two strips that nothing may write, at an address that no vector register is aligned to.
final class Guarded<Element: BitwiseCopyable> {
  let pointer: UnsafeMutablePointer<Element>
  let count: Int
  private let memory: UnsafeMutableRawBufferPointer
  private let start: Int

  private static var strip: Int { 128 }
  private static var mark: UInt8 { 0xa5 }

  /// - Parameter skew: elements between a multiple of 64 bytes and the array.
  init(_ values: [Element], skew: Int = 1) {
    count = values.count
    start = Self.strip + skew * MemoryLayout<Element>.stride
    let size = start + values.count * MemoryLayout<Element>.stride
    memory = .allocate(byteCount: size + Self.strip, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: Self.mark)
    pointer = (memory.baseAddress.unsafelyUnwrapped + start).bindMemory(to: Element.self, capacity: max(count, 1))
    pointer.update(from: values, count: count)
  }

  convenience init(repeating value: Element, count: Int, skew: Int = 1) {
    self.init([Element](repeating: value, count: count), skew: skew)
  }

  deinit { memory.deallocate() }

  /// What the array holds; an issue where something was written around it.
  func values(_ location: SourceLocation = #_sourceLocation) -> [Element] {
    let end = start + count * MemoryLayout<Element>.stride
    let isIntact = memory[..<start].allSatisfy { $0 == Self.mark } && memory[end...].allSatisfy { $0 == Self.mark }
    #expect(isIntact, "written outside the array", sourceLocation: location)
    return Array(UnsafeBufferPointer(start: pointer, count: count))
  }
}
