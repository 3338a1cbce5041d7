/// Looks at all weights of a checkpoint together.
extension Checkpoint {
  /// Reads every weight to see whether it is a finite number; weights that are loaded are checked anyway.
  ///
  /// - Throws: ``TensorError`` `.nonFinite` with the first element at fault of the first such tensor in a file, or what reading throws.
  /// - Complexity: O(bytes of all files), at the speed of the disk or of memory.
  public func checkFinite() throws(TensorError) {
    for file in files {
      // In the order of the file, which disks read fastest.
      for (name, _) in file.entries.sorted(by: { $0.value.offset < $1.value.offset }) { try file.checkFinite(name) }
    }
  }

  /// Refuses files that were written to since they were opened: their tensors may be of two versions.
  ///
  /// - Throws: ``TensorError`` `.changedFile`. Never for files that were read whole.
  public func checkUnchanged() throws(TensorError) {
    for file in files { try file.file.checkUnchanged() }
  }

  /// Bytes that the weights take in memory when they are kept as `options` say, within a few percent.
  public func memorySize(_ options: WeightOptions = .standard) -> Int {
    sum(options) { _, size in size }
  }

  /// As ``memorySize(_:)``, without the bytes that a file that was read whole has in memory already.
  public func memoryToTake(_ options: WeightOptions = .standard) -> Int {
    sum(options) { stored, size in stored == size ? 0 : size }
  }

  /// - Parameter part: of the bytes that a tensor takes in memory; is given those that are there already, 0 for none.
  private func sum(_ options: WeightOptions, _ part: (_ stored: Int, _ size: Int) -> Int) -> Int {
    let format = options.format ?? .suited(to: self)
    return files.reduce(0) { sum, file in
      file.entries.values.reduce(sum) {
        $0 &+ part(file.file.isLoaded ? $1.length : 0, Self.memorySize($1, as: format, isAsked: options.format != nil))
      }
    }
  }

  /// - Parameter isAsked: whether somebody asked for the format; otherwise matrices are not rounded.
  private static func memorySize(_ entry: SafetensorsFile.Entry, as format: WeightFormat, isAsked: Bool) -> Int {
    let isFloat = [.f32, .bf16, .f16].contains(entry.type)
    guard isFloat else { return entry.length }
    // Only matrices are kept in less than 32 bits.
    guard entry.shape.count == 2 else { return entry.count &* ElementType.f32.size }
    switch format {
    case .f32: return entry.count &* ElementType.f32.size
    case .bf16, .int8:
      guard isAsked else { return entry.count &* (entry.type == .bf16 ? 2 : 4) }
      return entry.count &* (format == .bf16 ? 2 : 1)
    }
  }

  /// Whether a tensor holds the scales of a matrix in 8 bits.
  public func isScale(_ name: String) -> Bool {
    name.hasSuffix(Self.scalesSuffix) && contains(name.dropLast(Self.scalesSuffix.count) + Self.packedSuffix)
  }

  /// Whether a tensor of this name is there, as it is or as a matrix in 8 bits.
  public func holds(_ name: String) -> Bool {
    contains(name) || (contains(name + Self.packedSuffix) && contains(name + Self.scalesSuffix))
  }
}
