package import RobotInterface

/// Writes what a robot measures of itself as location tokens.
package struct StateText: Sendable {
  private let quantities: [PolicySpecification.Quantity]
  private let codecs: [LocationCodec]

  package init(_ quantities: [PolicySpecification.Quantity]) {
    self.quantities = quantities
    codecs = quantities.map { LocationCodec($0) }
  }

  /// The state, e.g. `<extra_id_730> <extra_id_200>`; values outside their range are clipped to it.
  ///
  /// - Parameter values: order and units of the policy's proprioception.
  /// - Throws: ``RobotError`` `.invalidProprioception` for a wrong count, NaN or infinity, naming the field.
  package func render(_ values: [Double]) throws(RobotError) -> String {
    let subject = "observation.proprioception"
    guard values.count == quantities.count else {
      throw RobotError(
        .invalidProprioception, subject,
        "expected \(quantities.count) values (\(quantities.map(\.name).joined(separator: ", "))), found \(values.count)"
      )
    }
    var words: [String] = []
    for index in values.indices {
      guard let bin = codecs[index].bin(of: values[index]) else {
        throw RobotError(
          .invalidProprioception, "\(subject)[\(index)]",
          "expected a finite number for \(quantities[index].name), found \(values[index])")
      }
      words.append(LocationCodec.text(of: bin))
    }
    return words.joined(separator: " ")
  }
}
