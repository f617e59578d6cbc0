"""FHIR R4 (HL7, 2019): the same patients, devices and readings, as resources."""
