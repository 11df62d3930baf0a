"""What a detector's file says about its outputs: decoded boxes are cut back to the raw heads."""
