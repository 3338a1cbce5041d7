/// Results, drawn onto the picture that they are about.
extension Image {
  /// Boxes as outlines, one colour a label. Less sure ones are drawn first, so that they do not cover surer ones.
  public func drawing(_ objects: [LocatedObject]) -> Image {
    var canvas = Canvas(self), colors: [String?: Color] = [:]
    for object in objects where colors[object.label] == nil {
      colors[object.label] = Color.palette[colors.count % Color.palette.count]
    }
    for object in objects.reversed() {
      canvas.outline(object.box, color: colors[object.label] ?? Color.palette[0], thickness: lineWidth)
    }
    return canvas.image
  }

  /// Limbs between visible joints and a dot on each, one colour a person, with the person's box.
  public func drawing(_ poses: [Pose]) -> Image {
    var canvas = Canvas(self)
    for (index, pose) in poses.enumerated() {
      let color = Color.palette[index % Color.palette.count], bright = Color(red: 255, green: 255, blue: 255)
      canvas.outline(pose.box, color: color, thickness: max(lineWidth / 2, 1))
      for (one, other) in Pose.limbs where pose.keypoints[one].isVisible && pose.keypoints[other].isVisible {
        canvas.line(
          from: pose.keypoints[one].point, to: pose.keypoints[other].point, color: color, thickness: lineWidth)
      }
      for keypoint in pose.keypoints where keypoint.isVisible {
        canvas.disc(at: keypoint.point, radius: Float(lineWidth) * 1.25, color: bright)
        canvas.disc(at: keypoint.point, radius: Float(lineWidth) * 0.75, color: color)
      }
    }
    return canvas.image
  }

  /// Masks of the picture's size as a tint over it, one colour a mask; where several lie over each other, the first one's.
  public func drawing(_ masks: [Mask]) -> Image {
    var tinted = pixels
    for (index, mask) in masks.enumerated().reversed() where mask.width == width && mask.height == height {
      let color = Color.palette[index % Color.palette.count], channels = [color.red, color.green, color.blue]
      for (place, isInside) in mask.pixels.enumerated() where isInside {
        for (channel, value) in channels.enumerated() {
          let under = pixels[place * 3 + channel]
          tinted[place * 3 + channel] = UInt8((Int(under) + Int(value)) / 2)
        }
      }
    }
    return Image(checkedWidth: width, height: height, pixels: tinted)
  }

  /// Two pixels, more on large pictures.
  private var lineWidth: Int { max(max(width, height) / 240, 2) }
}
