-- On the care team of whichever ward was opened first, also when that is after the account was made.
ALTER TABLE access.account ADD COLUMN first_ward boolean NOT NULL DEFAULT false;
