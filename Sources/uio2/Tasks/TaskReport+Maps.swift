import Foundation
import UnifiedIO
import Reporting

extension TaskReport {
  /// Metres.
  struct Depth: Encodable {
    var nearest: Float
    var farthest: Float
    var mean: Float

    init(_ depth: DepthMap) {
      (nearest, farthest, mean) = (depth.range.lowerBound, depth.range.upperBound, depth.mean)
    }

    var text: String { String(format: "%.2f to %.2f m, %.2f m on average", nearest, farthest, mean) }
  }

  struct Normals: Encodable {
    /// x, y, z of length 1; zeros when they cancel out.
    var mean: [Float]

    init(_ normals: NormalMap) { mean = [normals.mean.x, normals.mean.y, normals.mean.z] }

    var text: String { String(format: "%.3f, %.3f, %.3f on average", mean[0], mean[1], mean[2]) }
  }

  struct Mask: Encodable {
    var label: String?
    /// Pixels.
    var area: Int
    /// Of the picture, 0...1.
    var share: Double
    /// Around the mask: x1, y1, x2, y2 in pixels; absent when nothing is marked.
    var box: [Float]?

    init(_ object: SegmentedObject) {
      (label, area, share, box) = (object.label, object.mask.area, object.mask.share, object.mask.box?.edges)
    }
  }

  static func table(_ masks: [Mask]) -> String {
    guard !masks.isEmpty else { return "nothing found" }
    var table = TextTable(
      header: ["object", "pixels", "share", "x1", "y1", "x2", "y2"],
      alignment: [.left] + [TextTable.Alignment](repeating: .right, count: 6))
    for mask in masks {
      let box = mask.box.map { $0.map { String(format: "%.0f", $0) } } ?? ["", "", "", ""]
      table.append([mask.label ?? "", "\(mask.area)", String(format: "%.1f %%", mask.share * 100)] + box)
    }
    return table.text
  }
}
