"""Tell members what they must know: notices to acknowledge, streams of events, signed webhooks."""
