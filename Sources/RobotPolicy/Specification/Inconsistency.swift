/// A rule between the keys of a `policy.json` that is broken.
package struct Inconsistency: Hashable, Sendable {
  /// The key path at fault.
  package var path: String
  /// What was expected and found.
  package var message: String

  package init(_ path: String, _ message: String) {
    self.path = path
    self.message = message
  }

  /// The first name that stands twice.
  ///
  /// - Parameter path: of the array that the names are in.
  static func duplicate(in names: [String], path: String) -> Inconsistency? {
    var seen: Set<String> = []
    for (index, name) in names.enumerated() where !seen.insert(name).inserted {
      return Inconsistency("\(path)[\(index)].name", "expected a unique name, found \"\(name)\" again")
    }
    return nil
  }
}
