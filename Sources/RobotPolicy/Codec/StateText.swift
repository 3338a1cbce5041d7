package import RobotInterface

/// Checks what a robot measures of itself, and writes it as location tokens.
package struct StateText: Sendable {
  private let quantities: [PolicySpecification.Quantity]
  private let codecs: [LocationCodec]

  package init(_ quantities: [PolicySpecification.Quantity]) {
    self.quantities = quantities
    codecs = quantities.map { LocationCodec(range: $0.minimum...$0.maximum) }
  }

  /// The state, e.g. `<extra_id_730> <extra_id_200>`; values outside their range, but inside their tolerance, are clipped to it.
  ///
  /// - Parameter values: order and units of the policy's proprioception.
  /// - Throws: ``RobotError`` `.invalidProprioception` for a wrong count, NaN, infinity or a value beyond its tolerance, naming the field.
  package func render(_ values: [Double]) throws(RobotError) -> String {
    let subject = "observation.proprioception"
    guard values.count == quantities.count else {
      throw RobotError(
        .invalidProprioception, subject,
        "expected \(quantities.count) values (\(quantities.map(\.name).joined(separator: ", "))), found \(values.count)"
      )
    }
    var words: [String] = []
    for (index, quantity) in quantities.enumerated() {
      guard quantity.accepts(values[index]), let bin = codecs[index].bin(of: values[index]) else {
        throw RobotError(.invalidProprioception, "\(subject)[\(index)]", quantity.refusal(of: values[index]))
      }
      words.append(LocationCodec.text(of: bin))
    }
    return words.joined(separator: " ")
  }
}

extension PolicySpecification.Quantity {
  /// Whether a measured value is a number inside the range or not farther outside than the tolerance.
  func accepts(_ value: Double) -> Bool { value >= minimum - tolerance && value <= maximum + tolerance }

  func refusal(of value: Double) -> String {
    guard value.isFinite else { return "expected a finite number for \(name), found \(value)" }
    return
      "expected \(minimum.plainDescription) to \(maximum.plainDescription) \(unit) for \(name), \(tolerance.plainDescription) more "
      + "or less at most, found \(value.plainDescription); check units, calibration and the order of the values"
  }
}
