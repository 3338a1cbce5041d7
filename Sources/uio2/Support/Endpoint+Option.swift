import ArgumentParser
import RobotInterface

extension Endpoint {
  /// Reads the value of an option.
  ///
  /// - Parameters:
  ///   - use: what the address is for.
  ///   - option: named where the value is wrong.
  /// - Throws: `ValidationError`.
  init(_ text: String, for use: Use, option: String) throws {
    do throws(RobotError) { try self.init(text, for: use) } catch {
      throw ValidationError("\(option): \(error.message)")
    }
  }
}
