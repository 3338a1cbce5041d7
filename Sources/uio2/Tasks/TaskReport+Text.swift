import Foundation
import Reporting

extension TaskReport {
  /// The report for people.
  var text: String {
    let lines = [result, written?.file ?? ""].filter { !$0.isEmpty }
    return lines.joined(separator: "\n")
  }

  private var result: String {
    if let depth { return depth.text }
    if let normals { return normals.text }
    if let masks { return Self.table(masks) }
    if let objects, !objects.isEmpty { return Self.table(objects) }
    if objects != nil { return "nothing found" }
    if let persons { return persons.isEmpty ? "nobody found" : persons.map(Self.table).joined(separator: "\n\n") }
    if let options { return Self.table(options, best: best) }
    if let groups, !groups.isEmpty {
      return groups.map { group in
        let values = group.values.map { String(format: "%.3f", $0) }
        return ([group.words].filter { !$0.isEmpty } + values).joined(separator: " ")
      }.joined(separator: "\n")
    }
    return answer?.text ?? ""
  }

  private static func table(_ objects: [Object]) -> String {
    var table = TextTable(
      header: ["object", "x1", "y1", "x2", "y2", "score"], alignment: [.left, .right, .right, .right, .right, .right])
    for object in objects {
      table.append(
        [object.label ?? ""] + object.box.map { String(format: "%.1f", $0) } + [String(format: "%.3f", object.score)])
    }
    return table.text
  }

  private static func table(_ person: Person) -> String {
    guard !person.joints.isEmpty else { return "no joints: \(person.answer.text)" }
    var table = TextTable(header: ["joint", "x", "y", "score", ""], alignment: [.left, .right, .right, .right, .left])
    for joint in person.joints {
      table.append([
        joint.name, String(format: "%.1f", joint.x), String(format: "%.1f", joint.y),
        String(format: "%.3f", joint.score), joint.visible ? "" : "not visible",
      ])
    }
    return table.text
  }

  private static func table(_ options: [Option], best: String?) -> String {
    var table = TextTable(header: ["option", "average", "sum", "tokens"], alignment: [.left, .right, .right, .right])
    for option in options {
      table.append([
        option.text, String(format: "%.4f", option.average), String(format: "%.4f", option.sum), "\(option.tokens)",
      ])
    }
    return table.text + (best.map { "\n" + $0 } ?? "")
  }
}
