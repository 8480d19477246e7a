"""The one reader of what a build makes: from an index to manifests, and from a manifest to opened, hashed files.

``ShipmentSource`` is where a shipment comes from; a ``ConfinedDirectory`` is one. Light: applications import it.
"""
