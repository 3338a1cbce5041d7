import RobotInterface

/// Values of a command that are limited together: the axes of a translation, those of a rotation, or one value alone.
///
/// A vector that breaks a limit is shortened, so that it keeps its direction. Joints are vectors of one each: one that has to wait
/// does not hold up the others, and their units may differ.
struct LimitedVector: Sendable {
  /// A range of positions, and the flag of a command that would leave it.
  struct Bound: Sendable {
    var range: ClosedRange<Double>
    var flag: LimitFlags
  }

  /// One value of the vector.
  struct Component: Sendable {
    /// Its place in a command.
    var index: Int
    var name: String
    /// Declared for the value.
    var range: ClosedRange<Double>
    /// Where it may lead; all of them hold.
    var bounds: [Bound] = []
    /// In one control step, of this value alone.
    var maximumStep: Double?
    /// From the measured value, of this value alone.
    var maximumJump: Double?
    /// Its place in the proprioception; `nil`: not measured, and no limit looks at where it is.
    var measured: Int?
  }

  var components: [Component]
  /// Whether the values are steps; otherwise they are positions.
  var isStep: Bool
  /// Whether the values are angles, of which those a whole turn apart are the same.
  var isAngular = false
  /// The vector's length in one control step.
  var maximumLength: Double?
  /// The flag of a vector that is too long.
  var lengthFlag = LimitFlags.speed
  /// The distance from the measured position.
  var maximumDistance: Double?

  /// The vector in a command.
  func values(of action: Action) -> [Double] { components.map { action.values[$0.index] } }

  /// Puts the vector into a command.
  func set(_ vector: [Double], in action: inout Action) {
    for (component, value) in zip(components, vector) { action.values[component.index] = value }
  }

  /// What the robot measured of the vector; 0 where it does not measure.
  ///
  /// - Throws: ``RobotError`` `.invalidProprioception` for a value that is missing or not finite.
  func measured(in proprioception: [Double]) throws(RobotError) -> [Double] {
    var values: [Double] = []
    for component in components {
      guard let index = component.measured else {
        values.append(0)
        continue
      }
      guard proprioception.indices.contains(index), proprioception[index].isFinite else {
        throw RobotError(
          .invalidProprioception, "observation.proprioception[\(index)]",
          "expected a finite number for the measured value of \(component.name)")
      }
      values.append(proprioception[index])
    }
    return values
  }

  /// A rule on a vector, and the flag of one that breaks it.
  struct Rule {
    var flag: LimitFlags
    var holds: ([Double]) -> Bool
  }

  /// From one position to another; the short way round for angles.
  func difference(from: Double, to: Double) -> Double { isAngular ? shortWay(from: from, to: to) : to - from }

  func difference(from: [Double], to: [Double]) -> [Double] { zip(from, to).map { difference(from: $0, to: $1) } }

  /// Whether a step keeps the limit on its length.
  func isShort(_ step: [Double]) -> Bool { maximumLength.map { length(step) <= $0 } ?? true }

  /// Whether a step keeps the limits that its values have of their own.
  func isSlow(_ step: [Double]) -> Bool {
    zip(components, step).allSatisfy { component, value in component.maximumStep.map { abs(value) <= $0 } ?? true }
  }
}
